//! Many posts in one body: a JSON array, or lines of JSON (NDJSON). Each post is found in turn, parsed in place and
//! judged as it would be alone, with the same messages.
//!
//! The bytes are never copied, and elements are parsed one at a time, because simd-json's notes on a body may take
//! twenty times its size. So simd-json does not get an array as a whole, although that would save 70 ns per post.

use serde::Deserialize;
use simd_json::{Buffers, Deserializer, INPUT_PADDING, Tape};

use super::fields::Body;
use super::{Post, describe};
use crate::kind::bulk::{BulkElements, BulkError, BulkFormat, BulkLimits};
use crate::kind::errors::FieldErrors;

/// The posts of a body, in turn.
pub struct Bulk {
    /// The body and [`INPUT_PADDING`] bytes.
    bytes: Vec<u8>,
    length: usize,
    elements: BulkElements,
    parser: ElementParser,
}

impl Bulk {
    /// The bulk in this body.
    pub fn new(mut body: Vec<u8>, format: BulkFormat, limits: BulkLimits) -> Self {
        let length = body.len();
        body.resize(length + INPUT_PADDING, b' ');
        let parser = ElementParser { buffers: Buffers::new(1024), tape: Tape(Vec::new()) };
        Self { bytes: body, length, elements: BulkElements::new("post", "posts", format, limits), parser }
    }

    /// Searches for the next post for a moment. Returns whether the search is over; until then, other work may be
    /// done.
    pub fn search(&mut self) -> bool {
        self.elements.search(&self.bytes[..self.length])
    }

    /// How many bytes have been searched so far.
    pub fn searched(&self) -> usize {
        self.elements.searched()
    }

    /// The next post, or what is wrong with the element in its place; `None` at the end.
    ///
    /// # Errors
    /// When the body as a whole is rejected; then its earlier posts do not count either.
    pub fn next_post(&mut self) -> Result<Option<Result<Post<'_>, FieldErrors>>, BulkError> {
        let element = match self.elements.next(&self.bytes[..self.length])? {
            Some(Ok(element)) => element,
            Some(Err(errors)) => return Ok(Some(Err(errors))),
            None => return Ok(None),
        };
        match self.parser.parse(&mut self.bytes[element.start..], element.len()) {
            Ok(body) => Ok(Some(body.judge())),
            Err(error) => self.elements.broken_json(&describe(&error)),
        }
    }
}

/// Parses elements in place, reusing its memory from one to the next.
struct ElementParser {
    buffers: Buffers,
    tape: Tape<'static>,
}

impl ElementParser {
    /// Parses the first `length` bytes. [`INPUT_PADDING`] more must follow, which stay as they are.
    fn parse<'a>(&mut self, bytes: &'a mut [u8], length: usize) -> simd_json::Result<Body<'a>> {
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let filled = simd_json::fill_tape_padded(bytes, length, &mut self.buffers, &mut tape);
        let mut deserializer = Deserializer::from_tape(tape);
        let parsed = filled.and_then(|()| Body::deserialize(&mut deserializer));
        self.tape = deserializer.into_tape().reset();
        parsed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Parser;

    const LIMITS: BulkLimits = BulkLimits { records: 100, record_bytes: 10_000 };

    /// A post's two fields, or its errors.
    type Judged = Result<(String, String), String>;

    fn own(judged: Result<Post<'_>, FieldErrors>) -> Judged {
        judged.map(|post| (post.title().to_owned(), post.content().to_owned())).map_err(|errors| errors.to_string())
    }

    fn judged(body: impl Into<Vec<u8>>, format: BulkFormat, limits: BulkLimits) -> Result<Vec<Judged>, BulkError> {
        let (mut bulk, mut all) = (Bulk::new(body.into(), format, limits), Vec::new());
        while let Some(post) = bulk.next_post()? {
            all.push(own(post));
        }
        Ok(all)
    }

    /// What each of these elements is alone.
    fn singly(elements: &[String]) -> Vec<Judged> {
        let alone = |element: &String| own(Parser::default().parse(&mut element.clone().into_bytes()));
        elements.iter().map(alone).collect()
    }

    fn error(result: Result<Vec<Judged>, BulkError>) -> String {
        match result.unwrap_err() {
            BulkError::Broken(errors) => errors.to_string(),
            BulkError::TooMany => "too many".to_owned(),
        }
    }

    #[test]
    fn an_array_that_is_broken_anywhere_is_rejected_as_a_whole() {
        let post = r#"{"title":"ab","content":"long enough"}"#;
        for (body, expected) in [
            (format!("[{post},{{\"title\":}}]"), "body is not valid JSON: syntax error near byte"),
            (format!("[{post},]"), "body is not valid JSON: it ends too early or is empty in the post at position 1"),
            (format!("[{post}{post}]"), "body is not valid JSON: syntax error near byte 37 in the post at position 0"),
            (format!("[{post}"), "body is not valid JSON: the array does not end"),
            (format!("[{post}] x"), "body is not valid JSON: something follows the array"),
            (post.to_owned(), "body must be a JSON array of posts, or lines of JSON with content-type"),
            ("[]".to_owned(), "body must hold at least one post"),
        ] {
            let error = error(judged(body.as_bytes(), BulkFormat::Array, LIMITS));
            assert!(error.starts_with(expected), "{body}: {error}");
        }
        assert_eq!(error(judged(*b" \n\r\n", BulkFormat::Lines, LIMITS)), "body must hold at least one post");
    }

    #[test]
    fn neither_too_many_nor_too_large_posts_are_parsed() {
        let limits = BulkLimits { records: 2, record_bytes: 50 };
        let post = r#"{"title":"ab","content":"long enough"}"#;
        let large = format!("{post:51}x");
        let small = || Ok(("ab".to_owned(), "long enough".to_owned()));
        let too_large = || Err("body must not be larger than 50 bytes".to_owned());
        for (format, start, separator, end) in [(BulkFormat::Array, "[", ",", "]"), (BulkFormat::Lines, "", "\n", "")] {
            let two = judged(format!("{start}{large}{separator}{post}{end}"), format, limits).unwrap();
            assert_eq!(two, [too_large(), small()]);
            let three = [post; 3].join(separator);
            assert_eq!(judged(format!("{start}{three}{end}"), format, limits), Err(BulkError::TooMany));
        }
    }

    #[test]
    fn a_broken_line_is_the_error_of_that_line_alone() {
        let post = r#"{"title":"ab","content":"long enough"}"#;
        let body = format!("{post}\r\n\n{{\"title\":\n[\n\"\n{post} {post}\n\u{0}\n{post}");
        let found = judged(body, BulkFormat::Lines, LIMITS).unwrap();
        let is_valid: Vec<bool> = found.iter().map(Result::is_ok).collect();
        assert_eq!(is_valid, [true, false, false, false, false, false, true]);
        assert!(found.iter().flat_map(|judged| judged.as_ref().err()).all(|error| error.contains("is not valid JSON")));
    }

    /// JSON of every kind, most of it nearly a post.
    fn element() -> impl Strategy<Value = String> {
        let text = prop_oneof!["\\PC{0,30}", "[\\\\\"{}\\[\\], ]{0,12}", Just("é😀\u{1}\n".repeat(10))];
        let value = prop_oneof![
            8 => text.prop_map(serde_json::Value::from),
            1 => any::<i16>().prop_map(serde_json::Value::from),
            1 => Just(serde_json::json!(null)),
            1 => Just(serde_json::json!([1, { "title": "[]," }])),
        ];
        let name = prop_oneof![4 => Just("title"), 4 => Just("content"), 1 => Just("x,\"]")];
        let object = proptest::collection::vec((name, value.clone()), 0..4);
        let object = object.prop_map(|fields| {
            let fields: Vec<String> =
                fields.into_iter().map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name))).collect();
            format!("{{{}}}", fields.join(","))
        });
        prop_oneof![6 => object, 1 => value.prop_map(|value| value.to_string())]
    }

    proptest! {
        #[test]
        fn each_post_is_judged_as_it_would_be_alone(
            elements in proptest::collection::vec(element(), 1..20),
            space in "[ \t\r]{0,3}",
            blank in "[ \n\r]{0,3}",
        ) {
            let expected = singly(&elements);
            let separator = format!("{space},{space}{blank}");
            let array = format!("{blank}[{space}{}{blank}]{space}", elements.join(&separator));
            prop_assert_eq!(judged(array, BulkFormat::Array, LIMITS).unwrap(), expected.clone());
            let lines = format!("{blank}\n{}{blank}", elements.join(&format!("{space}\n{blank}\n{space}")));
            prop_assert_eq!(judged(lines, BulkFormat::Lines, LIMITS).unwrap(), expected);
        }

        #[test]
        fn an_array_is_valid_where_another_parser_says_so(
            elements in proptest::collection::vec(element(), 1..5),
            at in any::<proptest::sample::Index>(),
            instead in proptest::sample::select(&["", "[", "]", ",", "\"", "\\", "}", "\u{1}"][..]),
        ) {
            let mut array = format!("[{}]", elements.join(",")).into_bytes();
            let at = at.index(array.len());
            array.splice(at..=at, instead.bytes());
            let other = serde_json::from_slice::<Vec<serde_json::Value>>(&array);
            match judged(array.clone(), BulkFormat::Array, LIMITS) {
                Ok(all) => prop_assert_eq!(all.len(), other.unwrap().len()),
                Err(_) => prop_assert!(other.is_err() || other.unwrap().is_empty()),
            }
        }

        #[test]
        fn any_bytes_are_answered(
            body in proptest::collection::vec(any::<u8>(), 0..300),
            like in "[\\[\\]{},\":\\\\ \na1]{0,60}",
        ) {
            for body in [body, like.into_bytes()] {
                for format in [BulkFormat::Array, BulkFormat::Lines] {
                    let _ignored = judged(body.clone(), format, LIMITS);
                }
            }
        }
    }
}
