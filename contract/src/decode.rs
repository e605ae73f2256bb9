//! Turns a Kafka record into a document to store, or into a dead letter. Pure.

use bson::RawDocumentBuf;

use crate::dead_letter::Reason;
use crate::{DeadLetter, Fetched, Parser, PostId, RecordId, document};

/// The memory that each record takes besides its own bytes: queue entries, tickets, allocations.
const OVERHEAD_BYTES: usize = 256;

/// A record and what becomes of it.
#[derive(Debug)]
pub struct Decoded {
    /// The record.
    pub fetched: Fetched,
    /// The id that it has, or would have.
    pub id: RecordId,
    /// Its document, or why it can never become one.
    pub outcome: Result<RawDocumentBuf, RecordError>,
}

/// Why a record can never become a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordError {
    /// The class of the reason.
    pub reason: Reason,
    /// Exactly what is wrong.
    pub message: String,
}

impl RecordError {
    /// What is wrong, for logs and health checks. MongoDB's text about a conflict repeats the value in question, which
    /// belongs in the dead letter and nowhere else.
    pub fn log_line(&self) -> &str {
        match self.reason {
            Reason::Refused => "MongoDB refuses this document",
            Reason::Conflict => "MongoDB has another document with the same value in a unique index",
            Reason::Undecodable | Reason::Invalid => &self.message,
        }
    }
}

/// Decodes records of one topic.
pub struct Decoder {
    topic: String,
    parser: Parser,
    /// The value's bytes, which parsing rewrites. Reused for each record.
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder for records of `topic`.
    pub fn new(topic: &str) -> Self {
        Self { topic: topic.to_owned(), parser: Parser::default(), scratch: Vec::new() }
    }

    /// Decodes one record.
    pub fn decode(&mut self, fetched: Fetched) -> Decoded {
        let id = fetched.post_id(&self.topic);
        let outcome = self.document(id, &fetched);
        Decoded { fetched, id: id.into(), outcome }
    }

    fn document(&mut self, id: PostId, fetched: &Fetched) -> Result<RawDocumentBuf, RecordError> {
        let Some(value) = &fetched.value else {
            return Err(RecordError { reason: Reason::Undecodable, message: "the record has no value".to_owned() });
        };
        self.scratch.clear();
        self.scratch.extend_from_slice(value);
        match self.parser.parse(&mut self.scratch) {
            Ok(post) => Ok(document::encode(id, &post, fetched.timestamp_ms)),
            Err(errors) => {
                let reason = if errors.is_of_body() { Reason::Undecodable } else { Reason::Invalid };
                Err(RecordError { reason, message: errors.to_string() })
            }
        }
    }
}

impl Decoded {
    /// Its size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let part = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let document = self.outcome.as_ref().map_or(0, |document| document.as_bytes().len());
        OVERHEAD_BYTES + self.id.heap_bytes() + part(&self.fetched.key) + part(&self.fetched.value) + document
    }

    /// The dead letter of a record that can never become a document. For one that can, it is a dead letter without a
    /// message.
    pub fn dead_letter(&self, topic: &str) -> DeadLetter {
        let (reason, message) = match &self.outcome {
            Err(error) => (error.reason, error.message.clone()),
            Ok(_) => (Reason::Refused, String::new()),
        };
        DeadLetter {
            topic: topic.to_owned(),
            partition: self.fetched.partition,
            offset: self.fetched.offset,
            reason,
            message,
            id: self.id.clone(),
        }
    }
}

impl AsRef<Fetched> for Decoded {
    fn as_ref(&self) -> &Fetched {
        &self.fetched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(key: Option<&[u8]>, value: Option<&[u8]>) -> Fetched {
        let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Fetched {
            partition: 1,
            offset: 2,
            timestamp_ms: 3,
            replay_attempts: 0,
            origin: None,
            trace: None,
            key: own(key),
            value: own(value),
        }
    }

    #[test]
    fn a_record_of_the_producer_becomes_a_document_under_its_key() {
        let id = PostId::fresh();
        let record = fetched(Some(&id.to_key()), Some(br#"{"title":"Hello","content":"long enough"}"#));
        let decoded = Decoder::new("post").decode(record.clone());
        assert_eq!(decoded.fetched, record, "key and value stay untouched");
        let document = decoded.outcome.unwrap();
        assert_eq!(document::decode_id(document.get("_id").unwrap().unwrap()), Some(id));
        assert_eq!(document.get_datetime("createdAt").unwrap().timestamp_millis(), 3);
    }

    #[test]
    fn a_record_without_a_usable_key_gets_its_id_by_position() {
        let value = br#"{"title":"Hello","content":"long enough"}"#;
        for key in [None, Some(&b"42"[..])] {
            let decoded = Decoder::new("post").decode(fetched(key, Some(value)));
            assert_eq!(decoded.id, PostId::from_position("post", 1, 2, 3));
        }
    }

    #[test]
    fn what_is_not_a_post_becomes_a_dead_letter() {
        for (value, reason, message) in [
            (None, Reason::Undecodable, "the record has no value"),
            (Some(&b"\xff"[..]), Reason::Undecodable, "body is not valid JSON: "),
            (Some(b"[]"), Reason::Undecodable, "body must be a JSON object, not an array"),
            (Some(b"{\"title\":\"Hello\"}"), Reason::Invalid, "content is required"),
        ] {
            let decoded = Decoder::new("post").decode(fetched(None, value));
            let error = decoded.outcome.as_ref().unwrap_err();
            assert_eq!(error.reason, reason);
            assert!(error.message.starts_with(message), "{}", error.message);
            let letter = decoded.dead_letter("post");
            assert_eq!((letter.partition, letter.offset, letter.id), (1, 2, decoded.id));
        }
    }
}
