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
                "title": text("What the post is called", TITLE_CHARS),
                "content": text("What the post says", CONTENT_CHARS),
            },
        })
    }
}

fn text(description: &str, (min, max): (usize, usize)) -> Value {
    json!({ "type": "string", "description": description, "minLength": min, "maxLength": max })
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
            1 => proptest::sample::select(vec![json!(null), json!(7), json!(["a title"]), json!({})]).prop_map(Some),
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

    /// Schemathesis found that the parser said "syntax error".
    #[test]
    fn numbers_of_any_size_are_dropped_like_other_fields() {
        for number in ["83461884443370574577664", "-83461884443370574577664", "18446744073709551616", "1e300"] {
            let body = format!(r#"{{"more":[{number}],"title":"ab","content":"0123456789"}}"#);
            let is_accepted = Parser::default().parse(&mut body.clone().into_bytes()).is_ok();
            assert!(is_accepted && SCHEMA.is_valid(&serde_json::from_str(&body).unwrap()), "{body}");
        }
    }

    #[test]
    fn only_an_object_is_a_post() {
        for body in [json!(null), json!([]), json!("a title"), json!(true), json!(1.5)] {
            assert!(!SCHEMA.is_valid(&body) && !is_accepted(&body), "{body}");
        }
    }
}
