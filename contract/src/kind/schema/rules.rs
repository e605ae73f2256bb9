//! What a schema must be beyond valid JSON Schema 2020-12: every keyword known, every `$ref` within the schema, every
//! pattern and format one that is checked, and every `date-time` in a place that can be decided.

use std::collections::BTreeSet;

use jsonschema::PatternOptions;
use serde_json::{Value, json};

use super::errors::Errors;
use super::faults::{NOT_A_NAME, reserved};
use super::messages::{self, FORMATS};
use super::parser::is_storable;
use super::places::Schema;
use super::pointer::joined;

/// Where the schema is within a kind's file.
pub(super) const IN_FILE: &str = "/schema";

/// The dialect that a schema may name.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The keywords whose value is a schema.
const SCHEMA: [&str; 10] = [
    "additionalProperties",
    "items",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The keywords whose value is an array of schemas.
const SCHEMAS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];

/// The keywords whose value has a schema for each name.
const NAMED_SCHEMAS: [&str; 4] = ["properties", "patternProperties", "$defs", "dependentSchemas"];

/// The other keywords.
const OTHERS: [&str; 35] = [
    "$schema",
    "$id",
    "$ref",
    "$comment",
    "type",
    "const",
    "enum",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxContains",
    "minContains",
    "maxProperties",
    "minProperties",
    "required",
    "dependentRequired",
    "title",
    "description",
    "default",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "format",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];

/// The keywords below which the place of a date can be decided.
const DECIDED: [&str; 5] = ["properties", "items", "prefixItems", "additionalProperties", "allOf"];

/// The keywords whose schemas apply to the value itself, and not to a part of it.
const IN_PLACE: [&str; 8] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"];

/// Adds every error of a schema.
pub(super) fn check(schema: &Value, errors: &mut Errors) {
    let mut of_metaschema = Errors::of_file();
    for error in jsonschema::draft202012::meta::validator().iter_errors(schema) {
        messages::add(&error, &mut of_metaschema);
    }
    for error in of_metaschema.into_kind_errors() {
        errors.add(format!("{IN_FILE}{}", error.pointer), error.message);
    }
    let schema = Schema(schema);
    let mut check = Check { schema, errors, seen: BTreeSet::new() };
    check.subschema("", true);
    check.dates("", true);
    check.reserved();
}

struct Check<'a, 'e> {
    schema: Schema<'a>,
    errors: &'e mut Errors,
    /// The subschemas in which dates were looked for, and whether their place can be decided.
    seen: BTreeSet<(String, bool)>,
}

impl Check<'_, '_> {
    fn add(&mut self, pointer: &str, message: impl Into<String>) {
        self.errors.add(format!("{IN_FILE}{pointer}"), message);
    }

    /// This subschema and all within it.
    fn subschema(&mut self, pointer: &str, is_root: bool) {
        let Some(keywords) = self.schema.at(pointer).as_object() else { return };
        for (keyword, value) in keywords {
            let at = joined(pointer, keyword);
            match (keyword.as_str(), value) {
                ("$schema", Value::String(dialect)) if dialect.trim_end_matches('#') != DIALECT => {
                    self.add(&at, format!("must be {DIALECT}"));
                }
                ("$id", _) if !is_root => self.add(&at, "must be at the top of the schema only"),
                ("$ref", Value::String(reference)) => self.reference(pointer, &at, reference),
                ("pattern", Value::String(pattern)) => self.pattern(&at, pattern),
                ("format", Value::String(format)) if FORMATS.iter().all(|(known, _)| known != format) => {
                    let known = FORMATS.map(|(known, _)| known).join(", ");
                    self.add(&at, format!("is not a format that is checked; these are: {known}"));
                }
                _ => {}
            }
            let is_known = [&SCHEMA[..], &SCHEMAS, &NAMED_SCHEMAS, &OTHERS].iter().any(|all| all.contains(&&**keyword));
            if !is_known && !keyword.starts_with("x-") {
                self.add(&at, "is not a keyword that is supported; a note of your own may start with x-");
            }
            if let ("properties" | "patternProperties", Value::Object(named)) = (keyword.as_str(), value) {
                for name in named.keys() {
                    match keyword.as_str() {
                        "properties" if !is_storable(name) => self.add(&joined(&at, name), NOT_A_NAME),
                        "patternProperties" => self.pattern(&joined(&at, name), name),
                        _ => {}
                    }
                }
            }
        }
        for (_, child) in self.children(pointer) {
            self.subschema(&child, false);
        }
    }

    /// The subschemas within this one, each with its keyword.
    fn children(&self, pointer: &str) -> Vec<(String, String)> {
        let Some(keywords) = self.schema.at(pointer).as_object() else { return Vec::new() };
        let mut children = Vec::new();
        for (keyword, value) in keywords {
            let at = joined(pointer, keyword);
            let of = |child: String| (keyword.clone(), child);
            match (keyword.as_str(), value) {
                (one, _) if SCHEMA.contains(&one) => children.push(of(at)),
                (many, Value::Array(list)) if SCHEMAS.contains(&many) => {
                    children.extend((0..list.len()).map(|index| of(joined(&at, &index.to_string()))));
                }
                (named, Value::Object(map)) if NAMED_SCHEMAS.contains(&named) => {
                    children.extend(map.keys().map(|name| of(joined(&at, name))));
                }
                _ => {}
            }
        }
        children
    }

    fn reference(&mut self, pointer: &str, at: &str, reference: &str) {
        match self.schema.target(reference) {
            None => self.add(at, "must be a pointer to a part of this schema, as in #/$defs/name"),
            Some(target) if self.leads_back(target, pointer) => {
                self.add(at, "must not lead back to itself without a step into the value");
            }
            Some(_) => {}
        }
    }

    /// Whether a value that is judged by `from` is also judged by `to`.
    fn leads_back(&self, from: &str, to: &str) -> bool {
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(pointer) = waiting.pop() {
            if pointer == to {
                return true;
            }
            let reference = self.schema.at(&pointer).get("$ref").and_then(Value::as_str);
            waiting.extend(reference.and_then(|to| self.schema.target(to)).map(str::to_owned));
            let in_place = self.children(&pointer).into_iter().filter(|(keyword, _)| IN_PLACE.contains(&&**keyword));
            waiting.extend(in_place.map(|(_, child)| child));
            seen.insert(pointer);
            waiting.retain(|next| !seen.contains(next));
        }
        false
    }

    fn pattern(&mut self, at: &str, pattern: &str) {
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        if options.build(&json!({ "pattern": pattern })).is_err() {
            self.add(at, "must be a regular expression without look-around and back-references");
        }
    }

    /// The dates of this subschema and of all that it applies to parts of its value.
    fn dates(&mut self, pointer: &str, is_decided: bool) {
        if !self.seen.insert((pointer.to_owned(), is_decided)) {
            return;
        }
        let schema = self.schema.at(pointer);
        if !is_decided && schema.get("format").is_some_and(|format| format == "date-time") {
            let ways = DECIDED.join(", ");
            let message =
                format!("a time becomes a date, so its place must be certain: only below {ways} or by a $ref");
            self.add(&joined(pointer, "format"), message);
        }
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(target) = reference.and_then(|to| self.schema.target(to)) {
            self.dates(target, is_decided);
        }
        let has_patterns = schema.get("patternProperties").is_some();
        for (keyword, child) in self.children(pointer) {
            let is_applied = keyword != "$defs";
            // A name that matches a pattern is not an additional one, and only the pattern knows.
            let is_certain = DECIDED.contains(&&*keyword) && !(has_patterns && keyword == "additionalProperties");
            if is_applied {
                self.dates(&child, is_decided && is_certain);
            }
        }
    }

    /// The names at the top of a record that documents have themselves.
    fn reserved(&mut self) {
        for pointer in self.schema.root() {
            let named = self.schema.at(&pointer).get("properties").and_then(Value::as_object);
            for name in named.into_iter().flat_map(|map| map.keys()) {
                if let Some(message) = reserved(name) {
                    self.add(&joined(&joined(&pointer, "properties"), name), message);
                }
            }
        }
    }
}
