//! What the document says about the records of the built-in kinds.

use contract::{Kind, Order, Post};
use serde_json::json;

use super::record::RecordShape;
use crate::noun::Noun;
use crate::{create_bulk, create_order, create_post};

pub(super) fn post() -> RecordShape {
    let id = json!({ "type": "string", "format": "uuid", "description": "The id of the post and of its document" });
    RecordShape {
        noun: Noun::of(Kind::Post),
        name: "Post".to_owned(),
        operation: "createPost".to_owned(),
        tag: "Posts".to_owned(),
        about: "A title and a content, each stored once under an id of its own".to_owned(),
        single_paths: vec![(create_post::PATH, "")],
        bulk_path: create_bulk::POSTS_PATH,
        schema: Post::json_schema(),
        example: Some(json!({ "title": "Hello", "content": "A first post through the pipeline" })),
        is_idempotent_by_header: true,
        message: "Post created successfully".to_owned(),
        accepted: vec![("id", id, json!("019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b"))],
    }
}

pub(super) fn order() -> RecordShape {
    let text = |description: &str| json!({ "type": "string", "description": description });
    RecordShape {
        noun: Noun::of(Kind::Order),
        name: "Order".to_owned(),
        operation: "createOrder".to_owned(),
        tag: "Orders".to_owned(),
        about:
            "The state of an order, stored under its `order_id` in place of the previous one. An order that is sent \
                again replaces itself, so it needs no `Idempotency-Key`"
                .to_owned(),
        single_paths: vec![(create_order::PATH, ""), (create_order::PATH_WITHOUT_SLASH, "WithoutSlash")],
        bulk_path: create_bulk::ORDERS_PATH,
        schema: Order::json_schema(),
        example: Some(json!({
            "order_id": "A-17", "customer_id": "C-1", "product_id": "P-1", "quantity": 2, "price": "19.99",
        })),
        is_idempotent_by_header: false,
        message: "Order created successfully".to_owned(),
        accepted: vec![
            ("order_id", text("The order's id, without space around it"), json!("A-17")),
            ("total_amount", text("price × quantity, exact, with two decimals"), json!("39.98")),
        ],
    }
}
