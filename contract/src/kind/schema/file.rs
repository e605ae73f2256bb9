//! A kind's file: its members, each with its rule.

use std::time::Duration;

use super::dates::Dates;
use super::errors::Errors;
use super::kind_error::KindError;
use super::parser::{MAX_DEPTH, Unread, parse};
use super::places::Schema;
use super::schema_kind::{Compiled, KeyPointer, SchemaKind, compiled};
use super::tree::Tree;
use super::{faults, key, rules};
use crate::kind::write::Write;

/// The members of a file.
const MEMBERS: [&str; 10] =
    ["kind", "route", "topic", "collection", "write", "key", "retention", "group", "dead_letter_topic", "schema"];

/// The longest name of a topic.
const MAX_TOPIC_BYTES: usize = 249;

impl SchemaKind {
    /// Reads a kind's file.
    ///
    /// # Errors
    /// Every error of the file.
    pub fn read(file: &[u8]) -> Result<Self, Vec<KindError>> {
        read(file)
    }
}

fn read(bytes: &[u8]) -> Result<SchemaKind, Vec<KindError>> {
    let mut errors = Errors::of_file();
    let kind = match parse(bytes) {
        Ok(parsed) => File { tree: &parsed.tree, errors: &mut errors }.read(),
        Err(unread) => {
            errors.add(
                "",
                match unread {
                    Unread::Broken(how) => format!("is not valid JSON: {how}"),
                    Unread::TooDeep => format!("must not be nested deeper than {MAX_DEPTH} levels"),
                },
            );
            None
        }
    };
    let errors = errors.into_kind_errors();
    kind.filter(|_| errors.is_empty()).ok_or(errors)
}

struct File<'a, 'e> {
    tree: &'a Tree<'a>,
    errors: &'e mut Errors,
}

impl File<'_, '_> {
    fn read(mut self) -> Option<SchemaKind> {
        let Tree::Object(members) = self.tree else {
            self.errors.add("", format!("must be a JSON object, not {}", self.tree.noun()));
            return None;
        };
        faults::find_in_file(self.tree, self.errors);
        for member in members.iter().filter(|member| !MEMBERS.contains(&&*member.name)) {
            let known = MEMBERS.join(", ");
            self.errors
                .add(format!("/{}", member.name), format!("is not a member of a kind's file; these are: {known}"));
        }
        let name = self.required("kind", kind_name);
        let route = self.required("route", route);
        let topic = self.required("topic", topic_name);
        let collection = self.required("collection", collection_name);
        let write = self.required("write", write);
        let retention = self.optional("retention", retention);
        let group = self.optional("group", group_name);
        let dead_letter_topic = self.optional("dead_letter_topic", topic_name);
        let schema = self.schema();
        let key = self.key(write?, schema.as_ref());
        let (name, topic, schema) = (name?, topic?, schema?);
        let dead_letter_topic = dead_letter_topic.unwrap_or_else(|| format!("{topic}.dlq"));
        if dead_letter_topic.len() > MAX_TOPIC_BYTES {
            let message = "must have at most 245 characters, or a dead_letter_topic beside it: its default adds .dlq";
            self.errors.add("/topic", message);
        }
        if dead_letter_topic == topic {
            self.errors.add("/dead_letter_topic", "must not be the topic itself");
        }
        let validator = if self.errors.is_empty() { self.validator(&schema)? } else { return None };
        let route = route?;
        Some(SchemaKind {
            plural: format!("{name}s"),
            group: group.unwrap_or_else(|| format!("{name}-consumer")),
            bulk_route: format!("{route}/bulk"),
            dates: Dates::of(Schema(&schema)),
            name,
            route,
            topic,
            dead_letter_topic,
            collection: collection?,
            write: write?,
            key,
            retention,
            schema,
            validator,
        })
    }

    fn schema(&mut self) -> Option<serde_json::Value> {
        match self.tree.member("schema") {
            Some(schema @ Tree::Object(_)) => {
                let schema = schema.to_json();
                rules::check(&schema, self.errors);
                Some(schema)
            }
            Some(other) => {
                self.errors.add(rules::IN_FILE, format!("must be an object, not {}", other.noun()));
                None
            }
            None => {
                self.errors.add(rules::IN_FILE, "is required");
                None
            }
        }
    }

    /// The key pointer, which belongs to upsert kinds only.
    fn key(&mut self, write: Write, schema: Option<&serde_json::Value>) -> Option<KeyPointer> {
        let text = match (write, self.tree.member("key")) {
            (Write::Insert, Some(_)) => {
                self.errors
                    .add("/key", "belongs to kinds with \"write\": \"upsert\"; the id of any other record is a UUID");
                None
            }
            (Write::Insert, None) => None,
            (Write::Upsert, _) => self.required("key", |text| Ok(text.to_owned())),
        };
        let text = text?;
        let steps = key::check(&text, schema?, self.errors)?;
        Some(KeyPointer { text, steps })
    }

    fn validator(&mut self, schema: &serde_json::Value) -> Option<Compiled> {
        let compiled = compiled(schema);
        compiled
            .map_err(|error| {
                self.errors.add(format!("{}{}", rules::IN_FILE, error.schema_path()), error.masked().to_string())
            })
            .ok()
    }

    fn required<T>(&mut self, name: &str, read: fn(&str) -> Result<T, String>) -> Option<T> {
        if self.tree.member(name).is_none() {
            self.errors.add(format!("/{name}"), "is required");
        }
        self.optional(name, read)
    }

    fn optional<T>(&mut self, name: &str, read: fn(&str) -> Result<T, String>) -> Option<T> {
        let value = self.tree.member(name)?;
        let read = match value.text() {
            Some(text) => read(text),
            None => Err(format!("must be a string, not {}", value.noun())),
        };
        read.map_err(|message| self.errors.add(format!("/{name}"), message)).ok()
    }
}

fn kind_name(text: &str) -> Result<String, String> {
    let is_name = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 32
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name {
        return Err("must be 1 to 32 of the characters a-z, 0-9 and _, with a letter first".to_owned());
    }
    Ok(text.to_owned())
}

fn route(text: &str) -> Result<String, String> {
    let is_step = |step: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'.');
        !step.is_empty() && step != "." && step != ".." && step.bytes().all(is_plain)
    };
    let is_route = text.len() <= 200 && text.strip_prefix('/').is_some_and(|steps| steps.split('/').all(is_step));
    if is_route {
        Ok(text.to_owned())
    } else {
        Err("must be a path of letters, digits and - _ ~ . without a slash at its end, as in /api/readings".to_owned())
    }
}

fn topic_name(text: &str) -> Result<String, String> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let is_topic =
        (1..=MAX_TOPIC_BYTES).contains(&text.len()) && text != "." && text != ".." && text.bytes().all(is_legal);
    if is_topic {
        Ok(text.to_owned())
    } else {
        Err("must be a Kafka topic: 1 to 249 of the characters a-z, A-Z, 0-9 and . _ -".to_owned())
    }
}

fn group_name(text: &str) -> Result<String, String> {
    let is_group = (1..=249).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_group { Ok(text.to_owned()) } else { Err("must be 1 to 249 visible ASCII characters".to_owned()) }
}

fn collection_name(text: &str) -> Result<String, String> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_first = |first: char| first.is_ascii_alphabetic() || first == '_';
    if text.starts_with("ingest_") {
        return Err("must not start with ingest_, as the consumer's own collections do".to_owned());
    }
    if text.len() <= 119 && text.starts_with(is_first) && text.bytes().all(is_legal) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 119 of the characters a-z, A-Z, 0-9 and _ -, with a letter or _ first".to_owned())
    }
}

fn write(text: &str) -> Result<Write, String> {
    match text {
        "insert" => Ok(Write::Insert),
        "upsert" => Ok(Write::Upsert),
        _ => Err("must be insert or upsert".to_owned()),
    }
}

/// At least a second, at most 68 years: stores count the seconds in 32 bits.
fn retention(text: &str) -> Result<Duration, String> {
    const LONGEST: u64 = i32::MAX as u64;
    let wrong = || "must be a whole number with a unit of s, m, h or d, as in 30d".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let digits = &text[..text.len() - 1];
    let number: u64 = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit())).ok_or_else(wrong)?;
    match number.checked_mul(seconds) {
        Some(seconds) if (1..=LONGEST).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be 1s to 24855d".to_owned()),
    }
}
