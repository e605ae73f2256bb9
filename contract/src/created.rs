//! The bodies of the 201 to an accepted post, to an accepted order and to an accepted record of a schema's kind.

use crate::{Order, PostId, SchemaKind};

const BEFORE_ID: &[u8] = br#"{"message":"Post created successfully","id":""#;
const AFTER_ID: &[u8] = br#""}"#;

/// The JSON body that names this id.
pub fn body(id: PostId) -> Vec<u8> {
    [BEFORE_ID, &id.to_key(), AFTER_ID].concat()
}

/// The id in a body that is exactly what [`body`] makes of it. Any other body may be an answer, too, and must be read
/// as JSON.
pub fn id_in(body: &[u8]) -> Option<PostId> {
    PostId::from_key(body.strip_prefix(BEFORE_ID)?.strip_suffix(AFTER_ID)?)
}

/// The JSON body that names this order and its total.
pub fn order_body(order: &Order) -> Vec<u8> {
    let mut json = br#"{"message":"Order created successfully","#.to_vec();
    encode_order(order, &mut json);
    json.push(b'}');
    json
}

/// Writes the members of a JSON object that name this order and its total.
pub fn encode_order(order: &Order, json: &mut Vec<u8>) {
    json.extend_from_slice(br#""order_id":"#);
    simd_json::serde::to_writer(&mut *json, order.order_id()).expect("writing a string into memory cannot fail");
    json.extend_from_slice(br#","total_amount":""#);
    json.extend_from_slice(order.total().to_string().as_bytes());
    json.push(b'"');
}

/// The JSON body that names this record of a schema's kind by its id: the one that it was given, or its key.
pub fn record_body(kind: &SchemaKind, id: &str) -> Vec<u8> {
    let (first, rest) = kind.name().split_at(1);
    let mut json = format!(r#"{{"message":"{}{rest} created successfully","#, first.to_ascii_uppercase()).into_bytes();
    encode_id(id, &mut json);
    json.push(b'}');
    json
}

/// Writes the member of a JSON object that names this id.
pub fn encode_id(id: &str, json: &mut Vec<u8>) {
    json.extend_from_slice(br#""id":"#);
    simd_json::serde::to_writer(json, id).expect("writing a string into memory cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_that_names_its_id() {
        let id = PostId::fresh();
        let body = body(id);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["id"], id.to_string());
        assert_eq!(id_in(&body), Some(id));
    }

    #[test]
    fn no_other_body_is_read() {
        let body = body(PostId::fresh());
        for other in [&body[1..], &body[..body.len() - 1], &[&body[..], b"\n"].concat(), b"{}", b""] {
            assert_eq!(id_in(other), None, "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn an_orders_body_is_json_that_names_it_and_its_total() {
        let value = r#"{"order_id":"\"A\\17\" é","customer_id":"c","product_id":"p","quantity":3,"price":"0.10"}"#;
        let order = Order::parse(value.as_bytes(), 0).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&order_body(&order)).unwrap();
        let expected = serde_json::json!({
            "message": "Order created successfully", "order_id": "\"A\\17\" é", "total_amount": "0.30",
        });
        assert_eq!(body, expected);
    }
}
