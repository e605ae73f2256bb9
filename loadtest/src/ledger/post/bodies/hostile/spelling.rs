//! Unusual JSON for the same texts: escapes where none are needed, white space between the tokens, the content first,
//! and fields that are not a post's, which a pipeline must neither reject nor store.

use std::fmt::Write;

use bytes::Bytes;

use crate::ledger::post::bodies::draws::Draws;
use crate::ledger::post::bodies::texts::PostTexts;

/// Fields beside title and content, as JSON. Each body has each of them once at most.
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

/// The most of them in one place: before, between and after the post's own fields.
const MOST_IN_A_PLACE: usize = 2;

/// White space between tokens, as JSON knows it.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// Which characters are written as escapes.
#[derive(Clone, Copy)]
enum Escaped {
    /// Those that must be.
    Needed,
    /// Some more.
    Some,
    /// All.
    All,
}

/// Writes one body.
struct Writer<'a> {
    json: String,
    draws: &'a mut Draws,
    escaped: Escaped,
    has_blanks: bool,
    /// The fields written so far.
    fields: usize,
    /// The next of [`OTHER_FIELDS`]; `None` if the body has none of them.
    next_other: Option<usize>,
}

/// A body that reads as these texts.
pub(in crate::ledger::post::bodies) fn json(texts: &PostTexts, draws: &mut Draws) -> Bytes {
    let escaped = draws.one_of(&[Escaped::Needed, Escaped::Some, Escaped::All]);
    let next_other = draws.one_in(2).then(|| draws.below(OTHER_FIELDS.len()));
    let (has_blanks, is_content_first) = (draws.one_in(2), draws.one_in(2));
    let mut writer = Writer { json: String::new(), draws, escaped, has_blanks, fields: 0, next_other };
    let (title, content) = (("title", &texts.title), ("content", &texts.content));
    writer.blanks();
    writer.json.push('{');
    writer.others();
    for (name, text) in if is_content_first { [content, title] } else { [title, content] } {
        writer.start_field();
        writer.string(name);
        writer.colon();
        writer.string(text);
        writer.others();
    }
    writer.blanks();
    writer.json.push('}');
    writer.blanks();
    writer.json.into()
}

impl Writer<'_> {
    /// Some fields that are not a post's.
    fn others(&mut self) {
        let Some(first) = self.next_other else { return };
        let end = first + self.draws.below(MOST_IN_A_PLACE + 1);
        for index in first..end {
            let (name, value) = OTHER_FIELDS[index % OTHER_FIELDS.len()];
            self.start_field();
            self.json.push_str(name);
            self.colon();
            self.json.push_str(value);
        }
        self.next_other = Some(end);
    }

    fn start_field(&mut self) {
        self.blanks();
        if self.fields > 0 {
            self.json.push(',');
            self.blanks();
        }
        self.fields += 1;
    }

    fn colon(&mut self) {
        self.blanks();
        self.json.push(':');
        self.blanks();
    }

    fn blanks(&mut self) {
        if self.has_blanks {
            for _ in 0..self.draws.below(3) {
                self.json.push(self.draws.one_of(&BLANKS));
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.json.push('"');
        text.chars().for_each(|character| self.character(character));
        self.json.push('"');
    }

    fn character(&mut self, character: char) {
        let is_escaped = match self.escaped {
            _ if matches!(character, '"' | '\\' | '\0'..='\x1f') => true,
            Escaped::Needed => false,
            Escaped::Some => self.draws.one_in(4),
            Escaped::All => true,
        };
        if !is_escaped {
            self.json.push(character);
            return;
        }
        if let Some(letter) = short_escape(character)
            && self.draws.one_in(2)
        {
            self.json.extend(['\\', letter]);
            return;
        }
        // Characters beyond 16 bits are two escapes.
        for unit in character.encode_utf16(&mut [0; 2]) {
            let written = match self.draws.one_in(2) {
                true => write!(self.json, "\\u{unit:04x}"),
                false => write!(self.json, "\\u{unit:04X}"),
            };
            written.expect("writing into memory cannot fail");
        }
    }
}

/// The character after the backslash, where an escape need not be a number.
fn short_escape(character: char) -> Option<char> {
    match character {
        '"' | '\\' | '/' => Some(character),
        '\x08' => Some('b'),
        '\t' => Some('t'),
        '\n' => Some('n'),
        '\x0c' => Some('f'),
        '\r' => Some('r'),
        _ => None,
    }
}
