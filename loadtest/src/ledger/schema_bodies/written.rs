//! Writes a body as JSON: plainly, or with its members in another order, escapes where none are needed and white space
//! between the tokens.

use super::json::Json;
use crate::ledger::draws::Draws;
use crate::ledger::escapes::{Escaped, blanks, string};

/// Most bodies are smaller.
const USUAL_BYTES: usize = 1_024;

/// How a body is written.
#[derive(Debug, Clone, Copy)]
struct Style {
    escaped: Escaped,
    has_blanks: bool,
    is_shuffled: bool,
}

impl Json {
    /// It as JSON, without anything unusual.
    pub(crate) fn plain(&self) -> String {
        String::from_utf8(plain(self)).expect("it is made of texts")
    }
}

/// The body, without anything unusual.
pub(super) fn plain(body: &Json) -> Vec<u8> {
    let style = Style { escaped: Escaped::Needed, has_blanks: false, is_shuffled: false };
    write(body, style, &mut Draws::new(0))
}

/// The body, written in a way that few programs write it.
pub(super) fn unusual(body: &Json, draws: &mut Draws) -> Vec<u8> {
    let style = Style { escaped: Escaped::draw(draws), has_blanks: draws.one_in(2), is_shuffled: draws.one_in(2) };
    write(body, style, draws)
}

fn write(body: &Json, style: Style, draws: &mut Draws) -> Vec<u8> {
    let mut writer = Writer { json: Vec::with_capacity(USUAL_BYTES), style, draws };
    writer.blanks();
    writer.value(body);
    writer.blanks();
    writer.json
}

struct Writer<'a> {
    json: Vec<u8>,
    style: Style,
    draws: &'a mut Draws,
}

impl Writer<'_> {
    fn value(&mut self, value: &Json) {
        match value {
            Json::Null => self.json.extend_from_slice(b"null"),
            Json::Bool(true) => self.json.extend_from_slice(b"true"),
            Json::Bool(false) => self.json.extend_from_slice(b"false"),
            Json::Number(number) => self.json.extend_from_slice(number.text.as_bytes()),
            Json::Text(text) | Json::Date { text, .. } => self.string(text),
            Json::Array(items) => self.list(b"[]", items, |writer, item| writer.value(item)),
            Json::Object(members) => {
                let mut members: Vec<&(String, Json)> = members.iter().collect();
                if self.style.is_shuffled {
                    for left in (1..members.len()).rev() {
                        members.swap(left, self.draws.below(left + 1));
                    }
                }
                self.list(b"{}", &members, |writer, (name, value)| {
                    writer.string(name);
                    writer.blanks();
                    writer.json.push(b':');
                    writer.blanks();
                    writer.value(value);
                });
            }
        }
    }

    fn list<T>(&mut self, brackets: &[u8; 2], values: &[T], write: impl Fn(&mut Self, &T)) {
        self.json.push(brackets[0]);
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.json.push(b',');
            }
            self.blanks();
            write(self, value);
            self.blanks();
        }
        self.json.push(brackets[1]);
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
