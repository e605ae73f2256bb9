//! A kind that a file describes: the names of where its records go, and how they are judged.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value;

use super::dates::Dates;
use super::errors::Errors;
use super::node::Records;
use super::parser::{self, MAX_DEPTH, Parsed, Unread};
use super::record::SchemaRecord;
use super::tree::Tree;
use super::{document, faults, messages, pointer};
use crate::kind::errors::FieldErrors;
use crate::kind::time;
use crate::kind::write::Write;

/// A validator of records.
pub(super) type Compiled = Validator<Records>;

/// The largest body whose document cannot be too large, in bytes: an element of an array grows most, from two bytes to
/// seventeen.
const SMALL_BODY_BYTES: usize = 900_000;

/// The largest record of which every error is named, in bytes. jsonschema collects all errors before it names the first
/// one, and a value can have one for each of its bytes.
const NAMED_BYTES: usize = 8_192;

/// A kind of record that a file describes. Two of them are equal if they have the same name.
pub struct SchemaKind {
    pub(super) name: String,
    pub(super) plural: String,
    pub(super) route: String,
    pub(super) bulk_route: String,
    pub(super) topic: String,
    pub(super) group: String,
    pub(super) dead_letter_topic: String,
    pub(super) collection: String,
    pub(super) write: Write,
    pub(super) key: Option<KeyPointer>,
    pub(super) retention: Option<Duration>,
    pub(super) schema: Value,
    pub(super) validator: Compiled,
    pub(super) dates: Dates,
}

/// Where a record has its key.
#[derive(Debug)]
pub(super) struct KeyPointer {
    pub(super) text: String,
    pub(super) steps: Vec<String>,
}

impl SchemaKind {
    /// Parses and judges one JSON object, a request's body or a record's value. White space around it is not a part of
    /// the record.
    ///
    /// # Errors
    /// The errors of the body, each with the JSON pointer of its value, see [`FieldErrors`].
    pub fn judge<'a>(&'a self, value: &'a [u8]) -> Result<SchemaRecord<'a>, FieldErrors> {
        match parser::parse(value) {
            Ok(parsed) => self.judge_parsed(parser::trimmed(value), parsed),
            Err(Unread::Broken(how)) => Err(FieldErrors::of_broken_json(&how)),
            Err(Unread::TooDeep) => Err(too_deep()),
        }
    }

    /// The same for a value that is parsed already.
    pub(super) fn judge_parsed<'a>(
        &'a self,
        value: &'a [u8],
        parsed: Parsed<'a>,
    ) -> Result<SchemaRecord<'a>, FieldErrors> {
        let Parsed { tree, is_faulty } = parsed;
        let Tree::Object(members) = &tree else {
            return Err(FieldErrors::of_body(format!("must be a JSON object, not {}", tree.noun())));
        };
        let is_reserved = members.iter().any(|member| faults::reserved(&member.name).is_some());
        if is_faulty || is_reserved || !self.validator.is_valid(&tree) {
            return Err(self.errors(value, &tree));
        }
        let Tree::Object(members) = tree else { unreachable!("it was an object above") };
        let key_steps = self.key.as_ref().map(|key| key.steps.as_slice());
        let record = SchemaRecord { value, members, key_steps, dates: self.dates.root() };
        if value.len() > SMALL_BODY_BYTES && record.document_bytes() > document::MAX_BYTES {
            let message = format!("must not become a document of more than {} bytes", document::MAX_BYTES);
            return Err(FieldErrors::of_body(message));
        }
        Ok(record)
    }

    /// What is wrong with a record: everything, or of a large one the first thing that the schema forbids.
    fn errors(&self, value: &[u8], tree: &Tree<'_>) -> FieldErrors {
        let mut errors = Errors::of_record();
        faults::find_in_record(tree, &mut errors);
        if let Tree::Object(members) = tree {
            for member in members {
                if let Some(message) = faults::reserved(&member.name) {
                    errors.add(pointer::joined("", &member.name), message);
                }
            }
        }
        if value.len() > NAMED_BYTES {
            if let Err(error) = self.validator.validate(tree) {
                messages::add(&error, &mut errors);
                errors.may_have_more(NAMED_BYTES);
            }
        } else {
            for error in self.validator.iter_errors(tree) {
                messages::add(&error, &mut errors);
                if errors.are_full() {
                    break;
                }
            }
        }
        let unnamed = || FieldErrors::of_body("does not match the schema of its kind".to_owned());
        errors.into_field_errors().unwrap_or_else(unnamed)
    }

    /// The kind's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What several of its records are called.
    pub fn plural(&self) -> &str {
        &self.plural
    }

    /// The path of single records.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The path of bulks.
    pub fn bulk_route(&self) -> &str {
        &self.bulk_route
    }

    /// The default topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The default consumer group.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The default dead-letter topic.
    pub fn dead_letter_topic(&self) -> &str {
        &self.dead_letter_topic
    }

    /// The collection of its documents.
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// How its records become documents.
    pub fn write(&self) -> Write {
        self.write
    }

    /// The JSON pointer of a record's key, if the kind has one document for each key.
    pub fn key_pointer(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.text.as_str())
    }

    /// How long its documents are kept, if they are not kept forever.
    pub fn retention(&self) -> Option<Duration> {
        self.retention
    }

    /// Its JSON Schema, as the file has it.
    pub fn json_schema(&self) -> &Value {
        &self.schema
    }
}

/// A validator of this schema. It fetches nothing, and its patterns take time in proportion to the text.
pub(super) fn compiled(schema: &Value) -> Result<Compiled, ValidationError<'static>> {
    jsonschema::options_for::<Records>()
        .with_draft(Draft::Draft202012)
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .with_format("date-time", |text: &str| time::parse(text).is_ok())
        .build(schema)
}

/// What is wrong with a record that is nested too deep.
pub(super) fn too_deep() -> FieldErrors {
    FieldErrors::of_body(format!("must not be nested deeper than {MAX_DEPTH} levels"))
}

impl fmt::Debug for SchemaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchemaKind").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PartialEq for SchemaKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for SchemaKind {}

impl Ord for SchemaKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(&other.name)
    }
}

impl PartialOrd for SchemaKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for SchemaKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
