//! Which parts of a schema apply to a place within a record: those that apply in the same place by `$ref` and `allOf`,
//! and those that apply one step further. A place is the set of them, each named by its pointer within the schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pointer::joined;

/// The subschemas that all apply in one place.
pub(super) type Place = BTreeSet<String>;

/// A schema, whose subschemas are found by their pointers.
#[derive(Clone, Copy)]
pub(super) struct Schema<'a>(pub(super) &'a Value);

impl<'a> Schema<'a> {
    /// The subschema at this pointer.
    pub(super) fn at(self, pointer: &str) -> &'a Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// The pointer that a `$ref` stands for, if it stands for a part of this schema.
    pub(super) fn target(self, reference: &str) -> Option<&str> {
        let pointer = reference.strip_prefix('#')?;
        let is_pointer = (pointer.is_empty() || pointer.starts_with('/')) && !pointer.contains('%');
        let is_schema = || self.0.pointer(pointer).is_some_and(|found| found.is_object() || found.is_boolean());
        (is_pointer && is_schema()).then_some(pointer)
    }

    /// The place of a whole record.
    pub(super) fn root(self) -> Place {
        self.closed([String::new()])
    }

    /// The place of the member with this name.
    pub(super) fn member(self, place: &Place, name: &str) -> Place {
        let next = place.iter().filter_map(|pointer| {
            let named = joined(&joined(pointer, "properties"), name);
            if self.at(&named).is_null() { self.others_of(pointer) } else { Some(named) }
        });
        self.closed(next)
    }

    /// The place of the members that no subschema of this place names.
    pub(super) fn other_members(self, place: &Place) -> Place {
        self.closed(place.iter().filter_map(|pointer| self.others_of(pointer)))
    }

    /// The place of an element of an array.
    pub(super) fn element(self, place: &Place, index: usize) -> Place {
        let next = place.iter().filter_map(|pointer| {
            let prefix = joined(&joined(pointer, "prefixItems"), &index.to_string());
            if self.at(&prefix).is_null() { self.child(pointer, "items") } else { Some(prefix) }
        });
        self.closed(next)
    }

    /// The values of a keyword in the subschemas of a place.
    pub(super) fn keyword(self, place: &Place, keyword: &str) -> impl Iterator<Item = &'a Value> {
        place.iter().filter_map(move |pointer| self.at(pointer).get(keyword))
    }

    fn others_of(self, pointer: &str) -> Option<String> {
        self.child(pointer, "additionalProperties")
    }

    fn child(self, pointer: &str, keyword: &str) -> Option<String> {
        let child = joined(pointer, keyword);
        self.at(&child).is_object().then_some(child)
    }

    /// These subschemas with all that apply in the same place.
    fn closed(self, pointers: impl IntoIterator<Item = String>) -> Place {
        let mut place = Place::new();
        let mut waiting: Vec<String> = pointers.into_iter().collect();
        while let Some(pointer) = waiting.pop() {
            let schema = self.at(&pointer);
            let reference = schema.get("$ref").and_then(Value::as_str).and_then(|to| self.target(to));
            waiting.extend(reference.filter(|target| !place.contains(*target)).map(str::to_owned));
            let all = schema.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
            let parts = (0..all).map(|index| joined(&joined(&pointer, "allOf"), &index.to_string()));
            waiting.extend(parts.filter(|part| !place.contains(part)));
            place.insert(pointer);
        }
        place
    }
}
