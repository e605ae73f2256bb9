//! The rules of a post as JSON Schema, made from those that judge it.

use serde_json::{Value, json};

use super::Post;
use super::fields::{CONTENT_CHARS, TITLE_CHARS};

impl Post<'_> {
    /// The JSON Schema (2020-12) of what [`Parser::parse`](super::Parser::parse) accepts. It cannot say that a field's
    /// name must not occur twice.
    pub fn json_schema() -> Value {
        json!({
            "type": "object",
            "description": "A title and a content. Lengths count Unicode code points; other fields are dropped.",
            "required": ["title", "content"],
            "properties": {
                "title": { "type": "string", "minLength": TITLE_CHARS.0, "maxLength": TITLE_CHARS.1 },
                "content": { "type": "string", "minLength": CONTENT_CHARS.0, "maxLength": CONTENT_CHARS.1 },
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::Parser;
    use super::*;

    static SCHEMA: LazyLock<jsonschema::Validator> =
        LazyLock::new(|| jsonschema::validator_for(&Post::json_schema()).unwrap());

    fn is_accepted(body: &Value) -> bool {
        Parser::default().parse(&mut body.to_string().into_bytes()).is_ok()
    }

    /// Texts around both bounds of both fields, with characters of one to four bytes.
    fn text() -> impl Strategy<Value = String> {
        let length = prop_oneof![0..4_usize, 8..12_usize, 98..103_usize, 998..1003_usize];
        let character = prop_oneof![Just('a'), Just(' '), Just('é'), Just('日'), Just('🙂'), Just('\u{0}'), Just('"')];
        (length, character).prop_map(|(length, character)| std::iter::repeat_n(character, length).collect())
    }

    fn value() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            12 => text().prop_map(|text| Some(json!(text))),
            1 => Just(None),
            1 => prop_oneof![Just(json!(null)), Just(json!(7)), Just(json!(["a title"])), Just(json!({}))].prop_map(Some),
        ]
    }

    proptest! {
        #[test]
        fn the_schema_accepts_what_the_parser_accepts(title in value(), content in value(), other in value()) {
            let fields = [("title", title), ("content", content), ("other", other)];
            let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            let body = Value::Object(fields.collect());
            prop_assert_eq!(SCHEMA.is_valid(&body), is_accepted(&body), "{}", body);
        }
    }

    #[test]
    fn only_an_object_is_a_post() {
        for body in [json!(null), json!([]), json!("a title"), json!(true), json!(1.5)] {
            assert!(!SCHEMA.is_valid(&body) && !is_accepted(&body), "{body}");
        }
    }
}
