//! A post as a Kafka record: the id as key, `{"title":…,"content":…}` as value, two headers.

use crate::Post;

/// Name of the header that says what the value is.
pub const CONTENT_TYPE_HEADER: &str = "content-type";

/// The value of [`CONTENT_TYPE_HEADER`].
pub const CONTENT_TYPE: &str = "application/json";

/// Name of the header that carries a request's W3C trace context, see [`crate::TraceContext`].
pub const TRACEPARENT_HEADER: &str = "traceparent";

/// The record's value: JSON with just the two fields, which any producer can write.
pub fn encode_value(post: &Post<'_>) -> Vec<u8> {
    // Quotes, names and braces take 25 bytes; escapes make the buffer grow.
    let mut value = Vec::with_capacity(post.title().len() + post.content().len() + 32);
    simd_json::serde::to_writer(&mut value, post).expect("writing strings into memory cannot fail");
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Parser;

    proptest! {
        #[test]
        fn a_value_reads_back_as_its_post(title in "(?s).{2,100}", content in "(?s).{10,1000}") {
            let body = serde_json::json!({ "title": title, "content": content, "more": 1 });
            let mut body = body.to_string().into_bytes();
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
