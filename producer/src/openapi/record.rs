//! What the document needs to know about the records of a kind: their words, their rules, and what is answered when one
//! of them is accepted.

use serde_json::{Map, Value, json};

use super::answers::component;
use crate::noun::Noun;

/// The records of a kind, and their paths.
pub(super) struct RecordShape {
    /// What a record is called in texts.
    pub(super) noun: Noun,
    /// What a record is called in the names of schemas.
    pub(super) name: String,
    /// The name of the operation that takes a single one.
    pub(super) operation: String,
    /// The heading of its operations.
    pub(super) tag: String,
    /// What the kind is, in a sentence.
    pub(super) about: String,
    /// The paths of single records, each with what distinguishes its operation's name.
    pub(super) single_paths: Vec<(&'static str, &'static str)>,
    pub(super) bulk_path: &'static str,
    /// What a request's body must be.
    pub(super) schema: Value,
    /// A valid record, if one is known.
    pub(super) example: Option<Value>,
    /// Whether an `Idempotency-Key` fixes the id; otherwise the record has a key of its own.
    pub(super) is_idempotent_by_header: bool,
    /// The message of a 201.
    pub(super) message: String,
    /// What names an accepted record, each with its schema and an example.
    pub(super) accepted: Vec<(&'static str, Value, Value)>,
}

impl RecordShape {
    /// A reference to the record's own schema.
    pub(super) fn schema_ref(&self) -> Value {
        component("schemas", &self.name)
    }

    /// The examples of a body that is made of a valid record in this way.
    pub(super) fn examples(&self, body: impl Fn(&Value) -> Value) -> Value {
        self.example.as_ref().map_or(json!({}), |record| json!({ "valid": { "value": body(record) } }))
    }

    /// The name of the schema of a record's result in a bulk.
    pub(super) fn result_name(&self) -> String {
        format!("{}Result", self.name)
    }

    /// The schema of an object that names an accepted record, with these members before.
    pub(super) fn accepted_schema(&self, before: &[(&str, Value)]) -> Value {
        let own = self.accepted.iter().map(|(name, schema, _)| (*name, schema.clone()));
        let members: Vec<(&str, Value)> = before.iter().cloned().chain(own).collect();
        let required: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        let properties: Map<String, Value> =
            members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
        json!({ "type": "object", "required": required, "properties": properties })
    }

    /// A field that a record cannot do without.
    pub(super) fn first_required(&self) -> &str {
        self.schema["required"][0].as_str().unwrap_or("body")
    }

    /// The members that name an accepted record.
    pub(super) fn accepted_example(&self) -> Value {
        self.accepted.iter().map(|(name, _, example)| ((*name).to_owned(), example.clone())).collect()
    }
}
