//! What a record holds that no document can keep, each with its pointer. The search runs only when the parser has seen
//! something.

use std::collections::HashSet;

use super::errors::Errors;
use super::parser::is_storable;
use super::pointer::joined;
use super::tree::{Member, Tree};

/// The fields that a document has beside those of its record.
const RESERVED: [&str; 3] = ["_id", "createdAt", "kafka"];

/// What is wrong with a name that no field can have.
pub(super) const NOT_A_NAME: &str = "must not be the name of a field: it has a NUL or a `.`, or starts with `$`";

/// What is wrong with this name of a field at the top.
pub(super) fn reserved(name: &str) -> Option<&'static str> {
    RESERVED.contains(&name).then_some("is reserved: each document has a field of this name of its own")
}

/// Adds everything within this value that no document can keep.
pub(super) fn find_in_record(tree: &Tree<'_>, errors: &mut Errors) {
    Search { names_fields: true, errors }.visit(tree, "");
}

/// The same within a kind's file, whose names are not those of fields.
pub(super) fn find_in_file(tree: &Tree<'_>, errors: &mut Errors) {
    Search { names_fields: false, errors }.visit(tree, "");
}

struct Search<'e> {
    names_fields: bool,
    errors: &'e mut Errors,
}

impl Search<'_> {
    fn visit(&mut self, tree: &Tree<'_>, pointer: &str) {
        const INEXACT: &str =
            "cannot be kept exactly: neither a 64-bit integer nor a double has this value; send it as text";
        if self.errors.are_full() {
            return;
        }
        match tree {
            Tree::Inexact(_) => self.errors.add(pointer, INEXACT),
            Tree::BrokenText(_) => self.errors.add(pointer, "must be valid Unicode, without a lone surrogate"),
            Tree::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.visit(element, &joined(pointer, &index.to_string()));
                }
            }
            Tree::Object(members) => self.visit_object(members, pointer),
            Tree::Null | Tree::Boolean(_) | Tree::Integer(_) | Tree::Double(_) | Tree::Text(_) => {}
        }
    }

    fn visit_object(&mut self, members: &[Member<'_>], pointer: &str) {
        let mut names = HashSet::new();
        for Member { name, has_broken_name, value } in members {
            let at = joined(pointer, name);
            if !names.insert(&**name) {
                self.errors.add(&*at, "must be given only once");
            }
            if *has_broken_name {
                self.errors.add(&*at, "must be valid Unicode, without a lone surrogate");
            } else if self.names_fields && !is_storable(name) {
                self.errors.add(&*at, NOT_A_NAME);
            }
            self.visit(value, &at);
        }
    }
}
