//! A post as a Kafka record: the id as key, `{"title":…,"content":…}` as value, two headers.

use crate::Post;

/// Name of the header that says what the value is.
pub const CONTENT_TYPE_HEADER: &str = "content-type";

/// The value of [`CONTENT_TYPE_HEADER`].
pub const CONTENT_TYPE: &str = "application/json";

/// Name of the header that carries a request's W3C trace context.
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// The record's value: JSON with just the two fields, so that any producer that sends this is understood.
pub fn encode_value(post: &Post<'_>) -> Vec<u8> {
    // Quotes, names and braces are 25 bytes; what needs escaping makes the buffer grow.
    let mut value = Vec::with_capacity(post.title().len() + post.content().len() + 32);
    simd_json::serde::to_writer(&mut value, post).expect("writing strings into memory cannot fail");
    value
}

/// Whether a `traceparent` header has the form of the W3C recommendation (`00-<32 hex>-<16 hex>-<2 hex>`); one that has
/// not is not passed on.
pub fn is_traceparent(value: &[u8]) -> bool {
    let is_hex =
        |part: &[u8], length| part.len() == length && part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = value.split(|byte| *byte == b'-');
    let mut next_is_hex = |length| parts.next().is_some_and(|part| is_hex(part, length));
    next_is_hex(2) && next_is_hex(32) && next_is_hex(16) && next_is_hex(2) && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Parser;

    #[test]
    fn a_traceparent_is_recognised() {
        assert!(is_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for wrong in [
            "",
            "00",
            "00-4bf9-00f0-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "zz-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(!is_traceparent(wrong.as_bytes()), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_value_reads_back_as_its_post(title in "(?s).{2,100}", content in "(?s).{10,1000}") {
            let mut body = serde_json::json!({ "title": title, "content": content, "more": 1 }).to_string().into_bytes();
            let mut parser = Parser::default();
            let value = encode_value(&parser.parse(&mut body).unwrap());
            let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&value).unwrap();
            prop_assert_eq!(fields.len(), 2);
            let mut value = value;
            let post = parser.parse(&mut value).unwrap();
            prop_assert_eq!((post.title(), post.content()), (title.as_str(), content.as_str()));
        }
    }
}
