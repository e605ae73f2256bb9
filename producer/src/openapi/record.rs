//! What the document says about the records of each kind: its words, its rules, and what is answered when one of them
//! is accepted.

use contract::{Kind, Order, Post};
use serde_json::{Map, Value, json};

use super::answers::component;
use crate::noun::Noun;
use crate::{create_bulk, create_order, create_post};

/// The records of a kind, and their paths.
pub(super) struct RecordShape {
    /// What a record is called in texts.
    pub(super) noun: Noun,
    /// What a record is called in names of schemas and operations.
    pub(super) name: String,
    /// The heading of its operations.
    pub(super) tag: String,
    /// What the kind is, in a sentence.
    pub(super) about: String,
    /// The paths of single records, each with what distinguishes its operation's name.
    pub(super) single_paths: Vec<(&'static str, &'static str)>,
    pub(super) bulk_path: &'static str,
    /// What a request's body must be.
    pub(super) schema: Value,
    /// A valid record.
    pub(super) example: Value,
    /// Whether an `Idempotency-Key` fixes the id; otherwise the record has a key of its own.
    pub(super) is_idempotent_by_header: bool,
    /// The message of a 201.
    pub(super) message: String,
    /// What names an accepted record, each with its schema and an example.
    pub(super) accepted: Vec<(&'static str, Value, Value)>,
}

impl RecordShape {
    /// That of a kind.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Post => post(),
            Kind::Order => order(),
        }
    }

    /// A reference to the record's own schema.
    pub(super) fn schema_ref(&self) -> Value {
        component("schemas", &self.name)
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

fn post() -> RecordShape {
    let id = json!({ "type": "string", "format": "uuid", "description": "The id of the post and of its document" });
    RecordShape {
        noun: Noun::of(Kind::Post),
        name: "Post".to_owned(),
        tag: "Posts".to_owned(),
        about: "A title and a content, each stored once under an id of its own".to_owned(),
        single_paths: vec![(create_post::PATH, "")],
        bulk_path: create_bulk::POSTS_PATH,
        schema: Post::json_schema(),
        example: json!({ "title": "Hello", "content": "A first post through the pipeline" }),
        is_idempotent_by_header: true,
        message: "Post created successfully".to_owned(),
        accepted: vec![("id", id, json!("019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b"))],
    }
}

fn order() -> RecordShape {
    let text = |description: &str| json!({ "type": "string", "description": description });
    RecordShape {
        noun: Noun::of(Kind::Order),
        name: "Order".to_owned(),
        tag: "Orders".to_owned(),
        about:
            "The state of an order, stored under its `order_id` in place of the previous one. An order that is sent \
                again replaces itself, so it needs no `Idempotency-Key`"
                .to_owned(),
        single_paths: vec![(create_order::PATH, ""), (create_order::PATH_WITHOUT_SLASH, "WithoutSlash")],
        bulk_path: create_bulk::ORDERS_PATH,
        schema: Order::json_schema(),
        example: json!({
            "order_id": "A-17", "customer_id": "C-1", "product_id": "P-1", "quantity": 2, "price": "19.99",
        }),
        is_idempotent_by_header: false,
        message: "Order created successfully".to_owned(),
        accepted: vec![
            ("order_id", text("The order's id, without space around it"), json!("A-17")),
            ("total_amount", text("price × quantity, exact, with two decimals"), json!("39.98")),
        ],
    }
}
