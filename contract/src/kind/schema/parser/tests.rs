use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn tree(text: &str) -> Tree<'_> {
    parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}")).tree
}

#[test]
fn numbers_are_integers_doubles_or_marked() {
    for (text, expected) in [
        ("0", Tree::Integer(0)),
        ("-0", Tree::Integer(0)),
        ("9223372036854775807", Tree::Integer(i64::MAX)),
        ("-9223372036854775808", Tree::Integer(i64::MIN)),
        ("9223372036854775808", Tree::Inexact("9223372036854775808")),
        ("1.0", Tree::Double(1.0)),
        ("1E+2", Tree::Double(100.0)),
        ("0.1234567890123456789", Tree::Inexact("0.1234567890123456789")),
    ] {
        assert_eq!(tree(text), expected, "{text}");
        let is_faulty = matches!(expected, Tree::Inexact(_));
        assert_eq!(parse(text.as_bytes()).unwrap().is_faulty, is_faulty, "{text}");
    }
}

#[test]
fn what_no_document_keeps_is_marked() {
    for faulty in [
        r#"{"a":1,"b":2,"a":3}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"x":[{"a\u0000":1}]}"#,
        r#"{"$set":1}"#,
        r#"{"a.b":1}"#,
        r#"["\ud800"]"#,
        r#"["\udc00\ud800"]"#,
        r#"["\ud800\ud800\udc00"]"#,
        r#"{"\ud800":1}"#,
    ] {
        assert!(parse(faulty.as_bytes()).unwrap().is_faulty, "{faulty}");
    }
    for kept in [r#"{"a":{"a":1},"b":{"a":1}}"#, r#"{"":"\u0000","a$":"$."}"#, r#"["\ud83d\ude00"]"#] {
        assert!(!parse(kept.as_bytes()).unwrap().is_faulty, "{kept}");
    }
    let many: Vec<String> = (0..40).map(|number| format!("\"{number}\":0")).collect();
    for (extra, is_faulty) in [("x", false), ("17", true)] {
        let text = format!("{{{},\"{extra}\":1}}", many.join(","));
        assert_eq!(parse(text.as_bytes()).unwrap().is_faulty, is_faulty, "{extra}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err(), Unread::TooDeep);
    assert_eq!(parse("[".repeat(1_000_000).as_bytes()).unwrap_err(), Unread::TooDeep);
}

#[test]
fn what_is_not_json_says_where() {
    for (text, expected) in [
        ("", "it ends too early or is empty"),
        (r#"{"a""#, "it ends too early or is empty"),
        ("{\n \"a\" 1}", "expected `:` at line 2 column 6"),
        (r#"{"a":}"#, "expected a value at line 1 column 6"),
        ("[1 2]", "expected `,` or `]` at line 1 column 4"),
        ("01", "expected the end at line 1 column 2"),
        ("[1.]", "expected a digit at line 1 column 4"),
        ("{1:2}", "expected a name in quotes at line 1 column 2"),
        (r#"["\x"]"#, "expected an escape of JSON at line 1 column 4"),
        ("\u{feff}{}", "expected a value at line 1 column 1"),
    ] {
        assert_eq!(parse(text.as_bytes()).unwrap_err(), Unread::Broken(expected.to_owned()), "{text}");
    }
    assert_eq!(parse(b"\"\xff\"").unwrap_err(), Unread::Broken("invalid UTF-8".to_owned()));
}

/// Any JSON with names that a document can have, each once.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |double| double.is_finite()).prop_map(|double| Value::from(double + 0.0)),
        "(?s).{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[^.$\0]{0,6}", inner, 0..6).prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    #[test]
    fn a_text_is_read_as_another_parser_reads_it(json in json(), is_pretty: bool) {
        let text = if is_pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
        let parsed = parse(text.as_bytes()).unwrap();
        prop_assert!(!parsed.is_faulty, "{}", text);
        prop_assert_eq!(parsed.tree.to_json(), json);
    }

    #[test]
    fn a_text_is_json_where_another_parser_says_so(
        json in json(),
        at in any::<prop::sample::Index>(),
        instead in prop::sample::select(&["", "[", "]", ",", "\"", "\\", "}", "\u{1}", "-", "0", ".", "\\ud800"][..]),
    ) {
        let mut text = serde_json::to_string(&json).unwrap().into_bytes();
        let at = at.index(text.len());
        text.splice(at..=at, instead.bytes());
        let ours = parse(&text);
        // serde_json has no place for a number beyond all doubles, nor for a lone surrogate.
        let is_marked = ours.as_ref().is_ok_and(|parsed| parsed.is_faulty);
        if !is_marked {
            prop_assert_eq!(ours.is_ok(), serde_json::from_slice::<Value>(&text).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_answered(
        body in prop::collection::vec(any::<u8>(), 0..300),
        like in "[\\[\\]{},\":\\\\ \na1u.e-]{0,60}",
    ) {
        for body in [body, like.into_bytes()] {
            let _ignored = parse(&body);
        }
    }
}
