//! Gathers what is said about one place of a schema: its own keywords, those of the schema that it refers to, and those
//! of every schema in `allOf`, as far as they can be read as one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::unsupported::Unsupported;

/// What says nothing about values.
const ANNOTATIONS: [&str; 13] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentMediaType",
    "contentEncoding",
];
/// What speaks about values and is understood.
const UNDERSTOOD: [&str; 19] = [
    "type",
    "enum",
    "const",
    "additionalProperties",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "format",
    "required",
    "pattern",
];

/// Everything that is said about a place.
#[derive(Debug, Default)]
pub(super) struct Keywords<'a> {
    /// The keywords that are there once, each with its pointer.
    once: BTreeMap<&'a str, (String, &'a Value)>,
    /// The members with names, each with the pointer of its schema.
    pub(super) properties: Vec<(&'a str, String, &'a Value)>,
    pub(super) required: BTreeSet<&'a str>,
    /// How many schemas have members with names.
    with_properties: usize,
    /// The references that led here.
    followed: BTreeSet<&'a str>,
}

impl<'a> Keywords<'a> {
    /// What the schema at this pointer says; adds to `errors` what is not understood.
    pub(super) fn gather(root: &'a Value, schema: &'a Value, pointer: &str, errors: &mut Vec<Unsupported>) -> Self {
        let mut keywords = Self::default();
        keywords.add(root, schema, pointer, errors);
        if keywords.with_properties > 1
            && let Some((pointer, _)) = keywords.once.get("additionalProperties")
        {
            errors.push(Unsupported::new(pointer, "is not understood where several schemas have properties"));
        }
        keywords
    }

    /// The value of a keyword, with its pointer.
    pub(super) fn get(&self, keyword: &str) -> Option<(&str, &'a Value)> {
        self.once.get(keyword).map(|(pointer, value)| (pointer.as_str(), *value))
    }

    /// Whether any of these is there.
    pub(super) fn has_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.once.contains_key(keyword))
    }

    /// The keywords that are there once.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.once.keys().copied()
    }

    fn add(&mut self, root: &'a Value, schema: &'a Value, pointer: &str, errors: &mut Vec<Unsupported>) {
        let members = match schema {
            Value::Bool(true) => return,
            Value::Object(members) => members,
            _ => {
                errors.push(Unsupported::new(pointer, "must be an object or true"));
                return;
            }
        };
        for (keyword, value) in members {
            let at = format!("{pointer}/{}", escaped(keyword));
            match (keyword.as_str(), value) {
                ("$ref", Value::String(reference)) => self.follow(root, reference, &at, errors),
                ("allOf", Value::Array(parts)) => {
                    for (index, part) in parts.iter().enumerate() {
                        self.add(root, part, &format!("{at}/{index}"), errors);
                    }
                }
                ("properties", Value::Object(properties)) => {
                    self.with_properties += 1;
                    for (name, schema) in properties {
                        let at = format!("{at}/{}", escaped(name));
                        if self.properties.iter().any(|(known, _, _)| known == name) {
                            errors.push(Unsupported::new(&at, "is not understood beside the same property elsewhere"));
                        }
                        self.properties.push((name, at, schema));
                    }
                }
                ("required", Value::Array(names)) => self.required.extend(names.iter().filter_map(Value::as_str)),
                ("additionalProperties", Value::Bool(true)) => {}
                (keyword, _) if ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-") => {}
                (keyword, _) if UNDERSTOOD.contains(&keyword) => {
                    let before = self.once.insert(keyword, (at.clone(), value));
                    if before.is_some_and(|(_, before)| before != value) {
                        errors
                            .push(Unsupported::new(&at, "is not understood beside another value of the same keyword"));
                    }
                }
                _ => errors.push(Unsupported::new(&at, "is not understood")),
            }
        }
    }

    fn follow(&mut self, root: &'a Value, reference: &'a str, at: &str, errors: &mut Vec<Unsupported>) {
        let target = reference.strip_prefix('#').filter(|pointer| pointer.is_empty() || pointer.starts_with('/'));
        let Some((target, schema)) = target.and_then(|target| Some((target, root.pointer(target)?))) else {
            errors.push(Unsupported::new(at, "must be # and a JSON pointer within the schema"));
            return;
        };
        if self.followed.insert(reference) {
            self.add(root, schema, target, errors);
        } else {
            errors.push(Unsupported::new(at, "refers to itself"));
        }
    }
}

/// A name as a token of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
