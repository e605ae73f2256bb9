//! Kafka's metadata request, version 1, for no topic at all.
//!
//! The answer lists the brokers that have joined the cluster. A starting broker answers requests, even this one, before
//! its controller lets it join, and until then no topic can be created; so an empty list means "not yet".

const METADATA: i16 = 3;
const VERSION: i16 = 1;
const CORRELATION_ID: i32 = 7;
const CLIENT_ID: &[u8] = b"stack";
const NO_TOPIC: i32 = 0;

pub(super) fn request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(METADATA.to_be_bytes());
    body.extend(VERSION.to_be_bytes());
    body.extend(CORRELATION_ID.to_be_bytes());
    body.extend((CLIENT_ID.len() as i16).to_be_bytes());
    body.extend(CLIENT_ID);
    body.extend(NO_TOPIC.to_be_bytes());
    [&(body.len() as i32).to_be_bytes(), body.as_slice()].concat()
}

/// The length that precedes an answer does not include itself.
pub(super) fn rest_of_answer(prefix: [u8; 4]) -> usize {
    u32::from_be_bytes(prefix) as usize
}

pub(super) fn is_ready(answer: &[u8]) -> bool {
    let number_at = |i: usize| answer.get(i..i + 4)?.try_into().ok().map(i32::from_be_bytes);
    let brokers = number_at(4);
    number_at(0) == Some(CORRELATION_ID) && brokers.is_some_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_framed() {
        let request = request();
        assert_eq!(request[..4], [0, 0, 0, 19]);
        assert_eq!(request[4..], *b"\0\x03\0\x01\0\0\0\x07\0\x05stack\0\0\0\0");
    }

    #[test]
    fn only_an_answer_that_lists_a_broker_is_ready() {
        assert!(is_ready(b"\0\0\0\x07\0\0\0\x01\0\0\0\x01\0\x09127.0.0.1"));
        assert!(!is_ready(b"\0\0\0\x07\0\0\0\0"));
        assert!(!is_ready(b"\0\0\0\x08\0\0\0\x01"));
        assert!(!is_ready(b"\0\0"));
    }
}
