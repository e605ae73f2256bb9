//! Records of each kind become documents under the right ids, or dead letters.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Place, PostId};

fn fetched(key: Option<&[u8]>, value: Option<&[u8]>) -> Fetched {
    let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    Fetched {
        partition: 1,
        offset: 2,
        timestamp_ms: 3,
        replay_attempts: 0,
        origin: None,
        trace: None,
        key: own(key),
        value: own(value),
    }
}

#[test]
fn a_record_of_the_producer_becomes_a_document_under_its_key() {
    let id = PostId::fresh();
    let record = fetched(Some(&id.to_key()), Some(br#"{"title":"Hello","content":"long enough"}"#));
    let decoded = Decoder::new(Kind::Post, "post").decode(record.clone());
    assert_eq!(decoded.fetched, record, "key and value stay untouched");
    let document = decoded.outcome.unwrap();
    assert_eq!(document::decode_id(document.get("_id").unwrap().unwrap()), Some(id));
    assert_eq!(document.get_datetime("createdAt").unwrap().timestamp_millis(), 3);
}

#[test]
fn a_record_without_a_usable_key_gets_its_id_by_position() {
    let value = br#"{"title":"Hello","content":"long enough"}"#;
    for key in [None, Some(&b"42"[..]), Some(b"9c5b94b1-35ad-49bb-b118-8e8fc24abf80")] {
        let decoded = Decoder::new(Kind::Post, "post").decode(fetched(key, Some(value)));
        assert_eq!(decoded.id, PostId::from_position("post", 1, 2, 3));
    }
}

#[test]
fn what_is_not_a_post_becomes_a_dead_letter() {
    for (value, reason, message) in [
        (None, Reason::Undecodable, "the record has no value"),
        (Some(&b"\xff"[..]), Reason::Undecodable, "body is not valid JSON: "),
        (Some(b"[]"), Reason::Undecodable, "body must be a JSON object, not an array"),
        (Some(b"{\"title\":\"Hello\"}"), Reason::Invalid, "content is required"),
    ] {
        let decoded = Decoder::new(Kind::Post, "post").decode(fetched(None, value));
        let error = decoded.outcome.as_ref().unwrap_err();
        assert_eq!(error.reason, reason);
        assert!(error.message.starts_with(message), "{}", error.message);
        let letter = decoded.dead_letter("post");
        assert_eq!((letter.partition, letter.offset, letter.id), (1, 2, decoded.id));
    }
}

fn order(id: &str) -> Vec<u8> {
    let order = json!({ "order_id": id, "customer_id": "C", "product_id": "P", "quantity": 2, "price": "19.99" });
    order.to_string().into_bytes()
}

#[test]
fn what_is_not_an_order_becomes_a_dead_letter_under_its_key_or_its_place() {
    let id = PostId::fresh();
    for (value, reason, message) in [
        (None, Reason::Undecodable, "the record has no value"),
        (Some(&b"\xff"[..]), Reason::Undecodable, "body is not valid JSON: invalid UTF-8"),
        (Some(b"{}"), Reason::Invalid, "customer_id is required; order_id is required"),
    ] {
        for (key, expected) in [
            (None, RecordId::Key("orders/1/2".to_owned())),
            (Some(&b"A-17"[..]), RecordId::Key("A-17".to_owned())),
            (Some(b"A\xff"), RecordId::Key("A\u{fffd}".to_owned())),
            (Some(&id.to_key()), RecordId::Uuid(id)),
        ] {
            let decoded = Decoder::new(Kind::Order, "orders").decode(fetched(key, value));
            let error = decoded.outcome.as_ref().unwrap_err();
            assert_eq!(error.reason, reason);
            assert!(error.message.starts_with(message), "{}", error.message);
            let letter = decoded.dead_letter("orders");
            assert_eq!((letter.partition, letter.offset, &letter.id), (1, 2, &expected));
        }
    }
}

#[test]
fn an_order_that_names_no_time_was_created_when_its_record_was() {
    let decoded = Decoder::new(Kind::Order, "orders").decode(fetched(Some(b"A-17"), Some(&order("A-17"))));
    assert_eq!(decoded.outcome.unwrap().get_datetime("created_at").unwrap().timestamp_millis(), 3);
    let odd = Fetched { timestamp_ms: i64::MAX, ..fetched(Some(b"A-17"), Some(&order("A-17"))) };
    let error = Decoder::new(Kind::Order, "orders").decode(odd).outcome.unwrap_err();
    assert_eq!(error.reason, Reason::Invalid);
    assert!(error.message.starts_with("created_at is required"), "{}", error.message);
}

#[test]
fn a_record_takes_the_memory_of_all_its_parts() {
    let bytes = |kind, key: Option<&[u8]>, value: Option<&[u8]>| {
        let decoded = Decoder::new(kind, "orders").decode(fetched(key, value));
        (decoded.bytes(), decoded.outcome.map_or(0, |document| document.as_bytes().len()))
    };
    let key = PostId::fresh().to_key();
    assert_eq!(bytes(Kind::Post, Some(&key), Some(b"[]")), (OVERHEAD_BYTES + 36 + 2, 0));
    assert_eq!(bytes(Kind::Post, None, None), (OVERHEAD_BYTES, 0));
    let value = order("A-17");
    let (all, document) = bytes(Kind::Order, Some(b"A-17"), Some(&value));
    assert!(document > 100);
    assert_eq!(all, OVERHEAD_BYTES + "A-17".len() + "A-17".len() + value.len() + document, "key, id, value, document");
}

#[test]
fn a_log_line_repeats_nothing_of_what_the_store_says() {
    let log_line = |reason| RecordError { reason, message: "a message".to_owned() }.log_line().to_owned();
    for reason in [Reason::Undecodable, Reason::Invalid] {
        assert_eq!(log_line(reason), "a message");
    }
    assert_eq!(log_line(Reason::Refused), "MongoDB refuses this document");
    assert!(log_line(Reason::Conflict).starts_with("MongoDB has another document"));
}

proptest! {
    #[test]
    fn an_order_is_stored_under_its_id_only_if_that_is_its_key(
        id in prop_oneof!["[A-Za-z0-9ü]{1,20}", any::<u128>().prop_map(|id| uuid::Uuid::from_u128(id).to_string())],
        other in prop::option::of("[A-Z]{0,2}"),
        is_its_key: bool,
        origin in prop::option::of((0..=i32::MAX, 0..=i64::MAX)),
    ) {
        let key = if is_its_key { Some(id.clone()) } else { other.filter(|other| *other != id) };
        let value = order(&format!(" {id} "));
        let record = fetched(key.as_deref().map(str::as_bytes), Some(&value));
        let origin = origin.map(|(partition, offset)| Place { partition, offset, timestamp_ms: record.timestamp_ms });
        let record = Fetched { origin, ..record };
        let decoded = Decoder::new(Kind::Order, "orders").decode(record.clone());
        prop_assert_eq!(decoded.id.to_string(), id.as_str());
        prop_assert_eq!(&decoded.id, &RecordId::from_text(&id));
        prop_assert_eq!(&decoded.fetched, &record);
        match &decoded.outcome {
            Ok(document) => {
                prop_assert!(is_its_key);
                let expected = Order::parse(&value, 3).unwrap().document(&origin.unwrap_or(record.place()));
                prop_assert_eq!(document.as_bytes(), expected.as_bytes());
                prop_assert_eq!(document.get_str("_id").unwrap(), id.as_str());
                let place = document.get_document("kafka").unwrap();
                prop_assert_eq!(place.get_i32("partition").unwrap(), origin.map_or(1, |place| place.partition));
                prop_assert_eq!(place.get_i64("offset").unwrap(), origin.map_or(2, |place| place.offset));
            }
            Err(error) => {
                prop_assert!(!is_its_key);
                let expected = RecordError { reason: Reason::Invalid, message: "key must be the order_id".to_owned() };
                prop_assert_eq!(error, &expected);
            }
        }
    }
}
