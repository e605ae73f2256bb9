//! Unusual JSON for the same fields: escapes where none are needed, white space between the tokens, and fields that are
//! not the record's own, which a pipeline must neither reject nor store.

use bytes::Bytes;

use crate::ledger::draws::Draws;
use crate::ledger::escapes::{Escaped, blanks, string};

/// Fields beside those of a post or an order, as JSON. Each body has each of them once at most.
const OTHER_FIELDS: [(&str, &str); 12] = [
    (r#""_id""#, r#""00000000-0000-4000-8000-000000000000""#),
    (r#""createdAt""#, r#"{"$date":"1970-01-01T00:00:00Z"}"#),
    (r#""id""#, "7"),
    (r#""Title""#, r#""not this title""#),
    (r#""content ""#, r#""and not this content""#),
    (r#""""#, "null"),
    (r#""$set""#, r#"{"title":"nor this title"}"#),
    (r#""a.b""#, r#"[1, -2.5e-3, 1E+2, 18446744073709551615, true, false, null, "\\\"\u00e9\ud83d\ude00"]"#),
    (r#""post""#, r#"{"title":"one level deeper","content":["nor", {"content":{"content":"this"}}]}"#),
    (r#""list""#, r#"[[], {}, [[[[[[[{}]]]]]]], {"_id": []}, ",", "}", "]"]"#),
    (r#""__proto__""#, r#"{"title":{}, "toString": 1}"#),
    (r#""\ud83d\ude00\n""#, r#""\u0001""#),
];

/// The most of them in one place: before, between and after the record's own fields.
const MOST_IN_A_PLACE: usize = 2;

/// Most bodies are smaller.
const USUAL_BYTES: usize = 2_048;

/// How one body is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    escaped: Escaped,
    has_blanks: bool,
    /// The first of [`OTHER_FIELDS`]; `None` if the body has none of them.
    first_other: Option<usize>,
}

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldText<'a> {
    /// A string that reads as this text.
    String(&'a str),
    /// JSON as it is.
    Json(&'a str),
}

/// Writes one body.
struct Writer<'a> {
    json: Vec<u8>,
    draws: &'a mut Draws,
    style: Style,
    /// The fields written so far.
    fields: usize,
    /// The next of [`OTHER_FIELDS`]; `None` if the body has none of them.
    next_other: Option<usize>,
}

impl Style {
    /// Short JSON without anything unusual.
    pub(crate) const PLAIN: Self = Self { escaped: Escaped::Needed, has_blanks: false, first_other: None };

    /// An unusual one.
    pub(crate) fn draw(draws: &mut Draws) -> Self {
        let escaped = Escaped::draw(draws);
        let first_other = draws.one_in(2).then(|| draws.below(OTHER_FIELDS.len()));
        Self { escaped, has_blanks: draws.one_in(2), first_other }
    }
}

/// An object of these fields, in this order.
pub(crate) fn object<'a>(
    fields: impl IntoIterator<Item = (&'a str, FieldText<'a>)>,
    style: Style,
    draws: &mut Draws,
) -> Bytes {
    let json = Vec::with_capacity(USUAL_BYTES);
    let mut writer = Writer { json, draws, style, fields: 0, next_other: style.first_other };
    writer.blanks();
    writer.json.push(b'{');
    writer.others();
    for (name, value) in fields {
        writer.start_field();
        writer.string(name);
        writer.colon();
        match value {
            FieldText::String(text) => writer.string(text),
            FieldText::Json(json) => writer.json.extend_from_slice(json.as_bytes()),
        }
        writer.others();
    }
    writer.blanks();
    writer.json.push(b'}');
    writer.blanks();
    writer.json.into()
}

impl Writer<'_> {
    /// Some fields that are not the record's own.
    fn others(&mut self) {
        let Some(first) = self.next_other else { return };
        let end = first + self.draws.below(MOST_IN_A_PLACE + 1);
        for index in first..end {
            let (name, value) = OTHER_FIELDS[index % OTHER_FIELDS.len()];
            self.start_field();
            self.json.extend_from_slice(name.as_bytes());
            self.colon();
            self.json.extend_from_slice(value.as_bytes());
        }
        self.next_other = Some(end);
    }

    fn start_field(&mut self) {
        self.blanks();
        if self.fields > 0 {
            self.json.push(b',');
            self.blanks();
        }
        self.fields += 1;
    }

    fn colon(&mut self) {
        self.blanks();
        self.json.push(b':');
        self.blanks();
    }

    fn blanks(&mut self) {
        if self.style.has_blanks {
            blanks(&mut self.json, self.draws);
        }
    }

    fn string(&mut self, text: &str) {
        string(&mut self.json, text, self.style.escaped, self.draws);
    }
}
