//! A post and its rules: the one readable path from bytes of JSON to a valid post.
//!
//! simd-json parses in place, so a body cannot be parsed a second time: the one pass notes for each field whether it is
//! there and what it is, and the rules then judge all fields together. The answer to a body with three errors names all
//! three. Both the producer (request bodies) and the consumer (record values) use this.

use garde::Validate;
use simd_json::Buffers;

use super::errors::FieldErrors;

mod bulk;
mod fields;
mod json_schema;

pub use bulk::Bulk;
use fields::{Body, Field, PostFields};

/// A valid post: title of 2–100 and content of 10–1000 characters (Unicode code points), borrowed from the parsed
/// bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Post<'a> {
    title: &'a str,
    content: &'a str,
}

impl<'a> Post<'a> {
    /// The title, 2–100 characters.
    pub fn title(&self) -> &'a str {
        self.title
    }

    /// The content, 10–1000 characters.
    pub fn content(&self) -> &'a str {
        self.content
    }
}

/// Parses posts, reusing its buffers from one body to the next (this halves the cost of a 300-byte body).
pub struct Parser {
    buffers: Buffers,
}

impl Default for Parser {
    fn default() -> Self {
        Self { buffers: Buffers::new(1024) }
    }
}

impl Parser {
    /// Parses and validates one JSON object with `title` and `content`; other fields are dropped.
    ///
    /// It rewrites the bytes in place, and the post borrows from them.
    ///
    /// # Errors
    /// Every error of the body at once, see [`FieldErrors`].
    pub fn parse<'a>(&mut self, body: &'a mut [u8]) -> Result<Post<'a>, FieldErrors> {
        let parsed: Body<'a> = simd_json::serde::from_slice_with_buffers(body, &mut self.buffers)
            .map_err(|error| FieldErrors::of_broken_json(&describe(&error)))?;
        parsed.judge()
    }
}

impl<'a> Body<'a> {
    /// The post in this body, if it keeps the rules.
    fn judge(self) -> Result<Post<'a>, FieldErrors> {
        let fields = match self {
            Body::Object(fields) => fields,
            Body::Other(kind) => return Err(FieldErrors::of_body(format!("must be a JSON object, not {kind}"))),
        };
        fields.validate().map_err(FieldErrors::from)?;
        match fields {
            PostFields { title: Field::Text(title), content: Field::Text(content) } => Ok(Post { title, content }),
            PostFields { .. } => Err(FieldErrors::of_body("is not a post".to_owned())),
        }
    }
}

/// simd-json's errors in words for a client, with the position if it knows one.
fn describe(error: &simd_json::Error) -> String {
    use simd_json::ErrorType;
    let what = match error.error() {
        ErrorType::InvalidUtf8 => "invalid UTF-8",
        ErrorType::InvalidEscape => "invalid escape sequence",
        ErrorType::InvalidUnicodeEscape | ErrorType::InvalidUnicodeCodepoint => {
            "invalid unicode escape (a lone surrogate?)"
        }
        ErrorType::UnterminatedString => "unterminated string",
        ErrorType::TrailingData => "more than one value",
        ErrorType::DepthLimitExceeded => "nested too deeply",
        ErrorType::Eof => "it ends too early or is empty",
        _ => "syntax error",
    };
    match error.index() {
        0 => what.to_owned(),
        index => format!("{what} near byte {index}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str) -> Result<(String, String), String> {
        parse_bytes(body.as_bytes())
    }

    fn parse_bytes(body: &[u8]) -> Result<(String, String), String> {
        let mut body = body.to_vec();
        let post = Parser::default().parse(&mut body).map_err(|errors| errors.to_string())?;
        Ok((post.title().to_owned(), post.content().to_owned()))
    }

    fn json(title: &str, content: &str) -> String {
        serde_json::json!({ "title": title, "content": content }).to_string()
    }

    #[test]
    fn a_post_is_read_and_other_fields_are_dropped() {
        let body = r#"{"id":[1,{"title":"no"}],"title":"Hello","content":"long enough","x":1e3,"y":null}"#;
        assert_eq!(parse(body).unwrap(), ("Hello".to_owned(), "long enough".to_owned()));
    }

    #[test]
    fn every_error_is_named() {
        assert_eq!(parse("{}").unwrap_err(), "content is required; title is required");
        assert_eq!(
            parse(r#"{"title":"a","content":{"a":[1]}}"#).unwrap_err(),
            "content must be a string, not an object; title must be 2 to 100 characters long, has 1"
        );
        for (value, kind) in [
            ("1", "a number"),
            ("-1", "a number"),
            ("1.5", "a number"),
            ("true", "a boolean"),
            ("null", "null"),
            ("[1]", "an array"),
        ] {
            let body = format!(r#"{{"title":{value},"content":"long enough"}}"#);
            assert_eq!(parse(&body).unwrap_err(), format!("title must be a string, not {kind}"));
        }
        assert_eq!(
            parse(r#"{"title":"ab","title":"cd","content":"long enough"}"#).unwrap_err(),
            "title must be given only once"
        );
    }

    #[test]
    fn a_body_that_is_not_an_object_is_rejected() {
        for (body, kind) in
            [("[]", "an array"), ("\"x\"", "a string"), ("1", "a number"), ("null", "null"), ("true", "a boolean")]
        {
            assert_eq!(parse(body).unwrap_err(), format!("body must be a JSON object, not {kind}"), "{body}");
        }
    }

    #[test]
    fn broken_json_is_rejected() {
        let deep = format!("{{\"x\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let bodies: [&[u8]; 12] = [
            b"",
            b" ",
            b"{",
            b"{\"title\":\"ab\",}",
            b"{\"title\":\"ab\" \"content\":\"long enough\"}",
            b"{'title':'ab'}",
            b"{\"title\":\"ab\",\"content\":\"long enough\"} x",
            b"{\"title\":\"a\xffb\",\"content\":\"long enough\"}",
            b"{\"title\":\"\\ud800\",\"content\":\"long enough\"}",
            b"{\"title\":\"\\udc00\\ud800\",\"content\":\"long enough\"}",
            b"{\"title\":\"a\nb\",\"content\":\"long enough\"}",
            deep.as_bytes(),
        ];
        for body in bodies {
            let error = parse_bytes(body).unwrap_err();
            assert!(
                error.starts_with("body is not valid JSON: "),
                "{}: {error}",
                String::from_utf8_lossy(&body[..body.len().min(60)])
            );
        }
    }

    #[test]
    fn lengths_count_code_points() {
        let accepted = [("ab", 10), ("é́", 10), ("😀😀", 1000), ("e\u{301}", 10)];
        for (title, content) in accepted {
            assert!(parse(&json(title, &"😀".repeat(content))).is_ok(), "{title:?} {content}");
        }
        assert!(parse(&json("😀", &"x".repeat(10))).is_err(), "four bytes are one code point");
        assert!(
            parse(r#"{"title":"\ud83d\ude00\u0000","content":"0123456789"}"#).is_ok(),
            "a surrogate pair is one code point"
        );
        for (title, content) in [(1, 10), (101, 10), (2, 9), (2, 1001)] {
            assert!(parse(&json(&"é".repeat(title), &"é".repeat(content))).is_err(), "{title} {content}");
        }
        for (title, content) in [(2, 10), (100, 1000)] {
            assert!(parse(&json(&"é".repeat(title), &"é".repeat(content))).is_ok(), "{title} {content}");
        }
    }

    proptest! {
        #[test]
        fn any_two_strings_are_judged_by_their_code_points(
            title in ".{0,110}",
            content in "(?s).{0,20}|(?s).{995,1005}",
        ) {
            let valid = (2..=100).contains(&title.chars().count()) && (10..=1000).contains(&content.chars().count());
            match parse(&json(&title, &content)) {
                Ok(post) => prop_assert!(valid && post == (title, content)),
                Err(_) => prop_assert!(!valid),
            }
        }

        #[test]
        fn any_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ignored = parse_bytes(&body);
        }
    }
}
