//! What the document says about the records of a kind that a file describes.

use contract::{Kind, SchemaKind, Write};
use serde_json::{Value, json};

use super::embedded::embedded;
use super::example::example;
use super::record::RecordShape;
use crate::noun::Noun;

/// The records of this kind. The kind's own name, in small letters, names its schema, so it is no other component's.
pub(super) fn of_file(kind: &'static SchemaKind) -> RecordShape {
    let (noun, name) = (Noun::of(Kind::Schema(kind)), kind.name().to_owned());
    let example = example(kind);
    let (id, about) = match kind.write() {
        Write::Insert => (json!({ "type": "string", "format": "uuid" }), "each stored once under an id of its own"),
        Write::Upsert => (
            json!({ "type": "string" }),
            "each stored under its key in place of the previous record of the same key. A record that is sent again \
             replaces itself, so it needs no `Idempotency-Key`",
        ),
    };
    let key = kind.key_pointer().and_then(|pointer| example.as_ref()?.pointer(pointer)).cloned();
    let description = text_of(kind.json_schema(), "description").map_or(String::new(), |text| format!("{text}\n\n"));
    RecordShape {
        noun,
        operation: format!("create_{name}"),
        tag: capitalised(noun.many),
        about: format!("{description}{}, {about}.", capitalised(noun.many)),
        single_paths: vec![(kind.route(), "")],
        bulk_path: kind.bulk_route(),
        schema: embedded(kind.json_schema(), &format!("#/components/schemas/{name}")),
        example,
        is_idempotent_by_header: kind.write() == Write::Insert,
        message: format!("{} created successfully", capitalised(&name)),
        accepted: vec![("id", id, key.unwrap_or_else(|| json!("019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b")))],
        name,
    }
}

fn text_of<'a>(schema: &'a Value, keyword: &str) -> Option<&'a str> {
    schema.get(keyword)?.as_str()
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}
