//! Bodies of every sort.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn rule(content: &str) -> Option<String> {
    content.is_empty().then(|| "must not be blank".to_owned())
}

fn shown(judged: Judged) -> String {
    let error = |FieldError { field, message }: &FieldError| format!("{field} {message}");
    judged.unwrap_or_else(|errors| errors.iter().map(error).collect::<Vec<_>>().join("; "))
}

fn bulk_of(body: &str, format: BulkFormat) -> Vec<String> {
    match bulk(body.as_bytes(), format, rule) {
        Ok(judged) => judged.into_iter().map(shown).collect(),
        Err(BulkError::Broken(errors)) => vec![shown(Err(errors))],
        Err(BulkError::TooMany) => vec!["too many".to_owned()],
    }
}

#[test]
fn the_content_is_read_and_what_is_wrong_is_named() {
    for (body, expected) in [
        (r#"{"content":"a\u00fc\ud83d\ude42\n"}"#, "aü🙂\n"),
        (r#"{"x":[{"content":1}],"content":"a","y":83461884443370574577664,"z":1e999}"#, "a"),
        (r#"{"conten\u0074":"a"}"#, "a"),
        (r#"{"content":""}"#, "content must not be blank"),
        ("{}", "content is required"),
        (r#"{"Content":"a"}"#, "content is required"),
        (r#"{"content":null}"#, "content must be a string, not null"),
        (r#"{"content":7}"#, "content must be a string, not a number"),
        (r#"{"content":-7}"#, "content must be a string, not a number"),
        (r#"{"content":0.5}"#, "content must be a string, not a number"),
        (r#"{"content":true}"#, "content must be a string, not a boolean"),
        (r#"{"content":["a"]}"#, "content must be a string, not an array"),
        (r#"{"content":{"content":"a"}}"#, "content must be a string, not an object"),
        (r#"{"content":"a","content":"a"}"#, "content must be given only once"),
        ("[]", "body must be a JSON object, not an array"),
        (r#""a""#, "body must be a JSON object, not a string"),
        ("null", "body must be a JSON object, not null"),
    ] {
        assert_eq!(shown(one(body.as_bytes(), rule)), expected, "{body}");
    }
}

#[test]
fn broken_json_is_named() {
    let deep = format!(r#"{{"content":{}"#, r#"{"content":"#.repeat(100_000));
    let bodies = [
        &b""[..],
        b"{",
        b"{'content':'a'}",
        br#"{"content":"a"} x"#,
        br#"{"content":"a"#,
        b"{\"content\":\"a\nb\"}",
        b"{\"content\":\"a\xff\"}",
        br#"{"content":"\ud800"}"#,
        br#"{"content":01}"#,
        deep.as_bytes(),
    ];
    for body in bodies {
        let shown = shown(one(body, rule));
        assert!(shown.starts_with("body is not valid JSON: "), "{shown}");
    }
}

#[test]
fn each_element_of_a_bulk_has_its_own_result() {
    let expected = ["a", "content is required", "body must be a JSON object, not a number", "b"];
    assert_eq!(bulk_of(r#" [{"content":"a"},{},7,{"content":"b"}] "#, BulkFormat::Array), expected);
    assert_eq!(bulk_of("{\"content\":\"a\"}\r\n\n{}\n7\n{\"content\":\"b\"}", BulkFormat::Lines), expected);
    let broken = bulk_of("{\"content\":\"a\"}\n{\n{\"content\":\"b\"}", BulkFormat::Lines);
    assert_eq!((&broken[0][..], &broken[2][..]), ("a", "b"));
    assert!(broken[1].starts_with("body is not valid JSON: "), "{broken:?}");
}

#[test]
fn what_is_not_a_bulk_is_rejected_as_a_whole() {
    for (body, format, expected) in [
        ("", BulkFormat::Array, "body must be a JSON array of submissions, or lines of JSON with"),
        ("{}", BulkFormat::Array, "body must be a JSON array of submissions, or lines of JSON with"),
        ("[", BulkFormat::Array, "body is not valid JSON: "),
        (r#"[{"content":"a"},]"#, BulkFormat::Array, "body is not valid JSON: "),
        (r#"[{"content":"a"}] x"#, BulkFormat::Array, "body is not valid JSON: "),
        ("[]", BulkFormat::Array, "body must hold at least one submission"),
        ("\n \n", BulkFormat::Lines, "body must hold at least one submission"),
    ] {
        let shown = bulk_of(body, format);
        assert!(shown.len() == 1 && shown[0].starts_with(expected), "{body}: {shown:?}");
    }
    for (count, is_accepted) in [(MAX_SUBMISSIONS, true), (MAX_SUBMISSIONS + 1, false), (3 * MAX_SUBMISSIONS, false)] {
        let array = format!("[{}]", vec!["1"; count].join(","));
        for (body, format) in [(array, BulkFormat::Array), ("1\n".repeat(count), BulkFormat::Lines)] {
            let shown = bulk_of(&body, format);
            assert_eq!(shown.len() == count, is_accepted, "{count}");
            assert_eq!(shown == ["too many"], !is_accepted, "{count}");
        }
    }
}

proptest! {
    #[test]
    fn any_content_is_read_as_it_was_written(content in "(?s).{1,50}", other in ".{0,9}") {
        let body = json!({ "a": other, "content": content, "z": [Value::Null, json!(other)] });
        prop_assert_eq!(shown(one(body.to_string().as_bytes(), |_| None)), content.clone());
        prop_assert_eq!(bulk_of(&json!([body]).to_string(), BulkFormat::Array), [content]);
    }

    #[test]
    fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ignored = one(&body, rule);
        for format in [BulkFormat::Array, BulkFormat::Lines] {
            let _ignored = bulk(&body, format, rule);
        }
    }
}
