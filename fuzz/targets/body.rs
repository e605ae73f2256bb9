//! The body of a request, as the producer judges it: any bytes become a post that keeps the rules, or errors that a
//! client can read. serde_json, another parser, decides independently what is a post.

#![no_main]

use contract::{FieldErrors, Parser, record};
use libfuzzer_sys::fuzz_target;

/// A post as another parser reads it, with other fields dropped.
#[derive(serde::Deserialize)]
struct AnyPost {
    title: String,
    content: String,
}

/// A body with just the two fields, on which both parsers must agree. On dropped fields they may differ, because one
/// checks more of what it drops.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BarePost {
    title: String,
    content: String,
}

fuzz_target!(|body: &[u8]| {
    thread_local! {
        static PARSER: std::cell::RefCell<Parser> = std::cell::RefCell::default();
    }
    let fresh = parse(&mut Parser::default(), body);
    let reused = PARSER.with_borrow_mut(|parser| parse(parser, body));
    assert_eq!(fresh, reused, "earlier bodies change nothing");
    match fresh {
        Ok((title, content)) => {
            assert!(keeps_the_rules(&title, &content), "{title:?} {content:?}");
            let other: AnyPost = serde_json::from_slice(body).expect("an accepted body is a post to other parsers too");
            assert_eq!((other.title, other.content), (title, content));
        }
        Err(errors) => {
            check_errors(&errors);
            if let Ok(BarePost { title, content }) = serde_json::from_slice(body)
                && is_object(body)
            {
                assert!(!keeps_the_rules(&title, &content), "a valid post is rejected: {errors}");
            }
        }
    }
});

/// The post's fields, read back from the record that it becomes.
fn parse(parser: &mut Parser, body: &[u8]) -> Result<(String, String), FieldErrors> {
    let mut body = body.to_vec();
    let post = parser.parse(&mut body)?;
    let (title, content) = (post.title().to_owned(), post.content().to_owned());
    let mut value = record::encode_value(&post);
    assert!(value.len() < 7_000, "a valid post is small, whatever its body's size");
    let again = Parser::default().parse(&mut value).expect("a record's value is a post");
    assert_eq!((again.title(), again.content()), (title.as_str(), content.as_str()));
    Ok((title, content))
}

/// serde also accepts an array of two texts for the two fields.
fn is_object(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"{")
}

fn keeps_the_rules(title: &str, content: &str) -> bool {
    (2..=100).contains(&title.chars().count()) && (10..=1000).contains(&content.chars().count())
}

/// There are some; each names a field and says in one line what is wrong; those of fields come in order.
fn check_errors(errors: &FieldErrors) {
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert!(matches!(fields[..], ["body"] | ["content"] | ["title"] | ["content", "title"]), "{fields:?}");
    for error in errors.iter() {
        assert!(!error.message.is_empty() && !error.message.contains('\n'), "{:?}", error.message);
    }
}
