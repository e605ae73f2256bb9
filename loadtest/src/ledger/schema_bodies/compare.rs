//! Compares a document whole with what its body said. It shares no code with the consumer that made the document: what
//! a value must be comes from how the lab drew it.

use bson::{RawBsonRef, RawDocument};

use super::json::{Json, Kept};
use super::keywords::escaped;
use crate::base::text::common_start;

/// The most differences that are named of one document.
const MOST_NAMED: usize = 8;

/// How a document differs from the members of a body, each difference with its JSON pointer. Fields named in `aside`
/// are left to the caller.
pub(crate) fn differences(found: &RawDocument, sent: &Json, aside: &[&str]) -> Vec<String> {
    let mut comparison = Comparison { pointer: String::new(), differing: Vec::new() };
    match sent {
        Json::Object(members) => comparison.members(found, members, aside),
        _ => comparison.differs("was not sent as an object"),
    }
    comparison.differing.truncate(MOST_NAMED);
    comparison.differing
}

struct Comparison {
    pointer: String,
    differing: Vec<String>,
}

impl Comparison {
    fn differs(&mut self, how: &str) {
        let pointer = if self.pointer.is_empty() { "it" } else { &self.pointer };
        self.differing.push(format!("{pointer} {how}"));
    }

    fn within(&mut self, name: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escaped(name));
        compare(self);
        self.pointer.truncate(length);
    }

    /// The order of members does not matter; each must be there once, and no other.
    fn members(&mut self, found: &RawDocument, sent: &[(String, Json)], aside: &[&str]) {
        let (mut seen, mut seen_aside) = (vec![false; sent.len()], vec![false; aside.len()]);
        for element in found {
            let Ok((name, value)) = element else {
                self.differs("cannot be read to its end");
                break;
            };
            if let Some(index) = aside.iter().position(|aside| *aside == name.as_str()) {
                if std::mem::replace(&mut seen_aside[index], true) {
                    self.within(name.as_str(), |comparison| comparison.differs("is there twice"));
                }
                continue;
            }
            let index = sent.iter().position(|(known, _)| known == name.as_str());
            self.within(name.as_str(), |comparison| match index {
                None => comparison.differs("was not sent"),
                Some(index) if std::mem::replace(&mut seen[index], true) => comparison.differs("is there twice"),
                Some(index) => comparison.value(value, &sent[index].1),
            });
        }
        for ((name, _), _) in sent.iter().zip(seen).filter(|(_, seen)| !seen) {
            self.within(name, |comparison| comparison.differs("is not there"));
        }
    }

    fn value(&mut self, found: RawBsonRef<'_>, sent: &Json) {
        match (found, sent) {
            (RawBsonRef::Null, Json::Null) => {}
            (RawBsonRef::Boolean(found), Json::Bool(sent)) if found == *sent => {}
            (RawBsonRef::String(found), Json::Text(sent)) if found == sent => {}
            (RawBsonRef::String(found), Json::Text(sent)) => {
                self.differs(&format!("differs from character {}", common_start(found, sent) + 1));
            }
            (RawBsonRef::DateTime(found), Json::Date { ms, .. }) if found.timestamp_millis() == *ms => {}
            (RawBsonRef::DateTime(found), Json::Date { text, .. }) => {
                self.differs(&format!("is {} ms since 1970, not {text}", found.timestamp_millis()));
            }
            (RawBsonRef::Int64(found), Json::Number(number)) if number.kept == Kept::Int64(found) => {}
            // By value: a store need not know a negative zero.
            (RawBsonRef::Double(found), Json::Number(number)) if number.kept == Kept::Double(found) => {}
            (RawBsonRef::Array(found), Json::Array(sent)) => self.items(found, sent),
            (RawBsonRef::Document(found), Json::Object(sent)) => self.members(found, sent, &[]),
            (found, sent) => self.differs(&format!("is {}, not {}", shown(found), expected(sent))),
        }
    }

    fn items(&mut self, found: &bson::RawArray, sent: &[Json]) {
        let mut length = 0;
        for (index, element) in found.into_iter().enumerate() {
            length += 1;
            let (Ok(value), Some(sent)) = (element, sent.get(index)) else { continue };
            self.within(&index.to_string(), |comparison| comparison.value(value, sent));
        }
        if length != sent.len() {
            self.differs(&format!("has {length} elements, not {}", sent.len()));
        }
    }
}

/// What is there, in words.
fn shown(found: RawBsonRef<'_>) -> String {
    match found {
        RawBsonRef::Int64(number) => format!("the int64 {number}"),
        RawBsonRef::Int32(number) => format!("the int32 {number}"),
        RawBsonRef::Double(number) => format!("the double {number}"),
        RawBsonRef::Boolean(found) => found.to_string(),
        other => format!("of type {:?}", other.element_type()),
    }
}

/// What must be there, in words.
fn expected(sent: &Json) -> String {
    match sent {
        Json::Null => "null".to_owned(),
        Json::Bool(sent) => sent.to_string(),
        Json::Number(number) => match number.kept {
            Kept::Int64(kept) => format!("the int64 {kept}"),
            Kept::Double(kept) => format!("the double {kept}"),
        },
        Json::Text(_) => "a string".to_owned(),
        Json::Date { text, .. } => format!("the date {text}"),
        Json::Array(_) => "an array".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}
