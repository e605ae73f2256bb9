//! The body of a bulk, as the producer judges it: any bytes become posts and errors in their places, or an error of the
//! body. Each post must be judged as it is alone, and serde_json decides what is an array of posts.

#![no_main]

use contract::{Bulk, BulkError, BulkFormat, BulkLimits, FieldErrors, Parser, Post};
use libfuzzer_sys::fuzz_target;

const LIMITS: BulkLimits = BulkLimits { records: 1_000, record_bytes: 65_536 };

/// A post with just the two fields, on which both parsers must agree.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct BarePost {
    title: String,
    content: String,
}

/// A post's two fields, or its errors.
type Judged = Result<(String, String), FieldErrors>;

fuzz_target!(|body: &[u8]| {
    let lines = judged(body, BulkFormat::Lines);
    let alone: Vec<Judged> = body.split(|byte| *byte == b'\n').filter(|line| !is_blank(line)).map(alone).collect();
    match lines {
        Ok(lines) => assert_eq!(lines, alone),
        Err(BulkError::Broken(_)) => assert!(alone.is_empty()),
        Err(BulkError::TooMany) => assert!(alone.len() > LIMITS.records),
    }

    let array = judged(body, BulkFormat::Array);
    if let Ok(posts) = serde_json::from_slice::<Vec<BarePost>>(body) {
        match array {
            Ok(array) => {
                assert_eq!(array.len(), posts.len());
                for (judged, post) in array.into_iter().zip(posts) {
                    assert!(judged.is_err() || judged == Ok((post.title, post.content)));
                }
            }
            Err(_) => assert!(posts.is_empty() || posts.len() > LIMITS.records),
        }
    }
});

fn judged(body: &[u8], format: BulkFormat) -> Result<Vec<Judged>, BulkError> {
    let (mut bulk, mut all) = (Bulk::new(body.to_vec(), format, LIMITS), Vec::new());
    while let Some(post) = bulk.next_post()? {
        all.push(owned(post));
    }
    Ok(all)
}

fn alone(line: &[u8]) -> Judged {
    owned(Parser::default().parse(&mut line.to_vec()))
}

fn owned(post: Result<Post<'_>, FieldErrors>) -> Judged {
    post.map(|post| (post.title().to_owned(), post.content().to_owned()))
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
