//! A record of the topic, as the consumer decodes it: any key, value and timestamp become a document with the right id,
//! or a dead letter that can be read back.

#![no_main]

use bson::RawDocumentBuf;
use contract::decode::{Decoded, Decoder};
use contract::{DeadLetter, Fetched, Kind, PostId, document};
use libfuzzer_sys::fuzz_target;

/// Partition and offset of the record. They affect only the id of a record without a usable key.
const POSITION: (i32, i64) = (7, 4711);

fuzz_target!(|input: &[u8]| {
    let Some((timestamp_ms, key, value)) = split(input) else {
        return;
    };
    let (partition, offset) = POSITION;
    let fetched = Fetched {
        partition,
        offset,
        timestamp_ms,
        replay_attempts: 0,
        origin: None,
        trace: None,
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
    };
    let decoded = Decoder::new(Kind::Post, "post").decode(fetched.clone());
    assert_eq!(decoded.fetched, fetched, "key and value stay untouched");

    let by_position = || PostId::from_position("post", partition, offset, timestamp_ms);
    let by_key = key.and_then(PostId::from_key).filter(|id| is_of_producer(&id.to_key()));
    assert_eq!(decoded.id, by_key.unwrap_or_else(by_position));
    match &decoded.outcome {
        Ok(stored) => check_document(stored, &decoded, timestamp_ms),
        Err(_) => {
            let letter = decoded.dead_letter("post");
            let headers = letter.headers();
            let read = DeadLetter::from_headers(headers.iter().map(|(name, value)| (*name, value.as_bytes())));
            assert_eq!(read.as_ref(), Ok(&letter));
            assert!(!letter.message.is_empty() && !letter.message.contains('\n'), "{:?}", letter.message);
            assert_eq!((letter.partition, letter.offset, &letter.id), (partition, offset, &decoded.id));
        }
    }
});

/// The parts of the input, `TIMESTAMP KEY VALUE`: the first two end with a space, and `-` means that a part is absent.
fn split(input: &[u8]) -> Option<(i64, Option<&[u8]>, Option<&[u8]>)> {
    let mut parts = input.splitn(3, |byte| *byte == b' ');
    let timestamp_ms = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let mut part = || parts.next().map(|part| Some(part).filter(|part| *part != b"-"));
    Some((timestamp_ms, part()?, part()?))
}

/// Whether the text of this UUID has a version that the producer makes, and the variant of such UUIDs.
fn is_of_producer(key: &[u8]) -> bool {
    matches!(key[14], b'5' | b'7') && matches!(key[19], b'8' | b'9' | b'a' | b'b')
}

fn check_document(stored: &RawDocumentBuf, decoded: &Decoded, timestamp_ms: i64) {
    let read = bson::Document::from_reader(stored.as_bytes()).expect("a document is valid BSON");
    let names: Vec<&str> = read.keys().map(String::as_str).collect();
    assert_eq!(names, ["_id", "title", "content", "createdAt"]);
    let id = stored.get("_id").expect("valid BSON").expect("an _id");
    assert_eq!(document::decode_id(id), decoded.id.post_id());
    assert_eq!(read.get_datetime("createdAt").expect("a date").timestamp_millis(), timestamp_ms);
    let length = |name| read.get_str(name).expect("a text").chars().count();
    assert!((2..=100).contains(&length("title")) && (10..=1000).contains(&length("content")));
}
