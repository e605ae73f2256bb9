//! Turns a Kafka record into a document to store, or into a dead letter. Pure.

use bson::RawDocumentBuf;

use crate::dead_letter::Reason;
use crate::{DeadLetter, Fetched, FieldErrors, Kind, Order, Parser, RecordId, SchemaKind, Write, document};

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

impl From<FieldErrors> for RecordError {
    fn from(errors: FieldErrors) -> Self {
        let reason = if errors.is_of_body() { Reason::Undecodable } else { Reason::Invalid };
        Self { reason, message: errors.to_string() }
    }
}

/// Decodes records of one topic.
pub struct Decoder {
    kind: Kind,
    topic: String,
    parser: Parser,
    /// The value's bytes, which parsing a post rewrites. Reused for each record.
    scratch: Vec<u8>,
}

impl Decoder {
    /// A decoder for records of `topic`, which are of this kind.
    pub fn new(kind: Kind, topic: &str) -> Self {
        Self { kind, topic: topic.to_owned(), parser: Parser::default(), scratch: Vec::new() }
    }

    /// Decodes one record.
    pub fn decode(&mut self, fetched: Fetched) -> Decoded {
        let (id, outcome) = match self.kind {
            Kind::Post => self.post(&fetched),
            Kind::Order => self.order(&fetched),
            Kind::Schema(kind) => match kind.write() {
                Write::Insert => self.inserted(kind, &fetched),
                Write::Upsert => self.keyed(kind, &fetched),
            },
        };
        Decoded { fetched, id, outcome }
    }

    fn post(&mut self, fetched: &Fetched) -> (RecordId, Result<RawDocumentBuf, RecordError>) {
        let id = fetched.post_id(&self.topic);
        let outcome = value(fetched).and_then(|value| {
            self.scratch.clear();
            self.scratch.extend_from_slice(value);
            let post = self.parser.parse(&mut self.scratch)?;
            Ok(document::encode(id, &post, fetched.timestamp_ms))
        });
        (id.into(), outcome)
    }

    /// A record of a schema's kind that becomes a document of its own, with an id as a post has it.
    fn inserted(&self, kind: &SchemaKind, fetched: &Fetched) -> (RecordId, Result<RawDocumentBuf, RecordError>) {
        let id = fetched.post_id(&self.topic);
        let outcome = value(fetched).and_then(|value| Ok(kind.judge(value)?.document(id, fetched.timestamp_ms)));
        (id.into(), outcome)
    }

    /// A record of a schema's kind that becomes the document of its key. As for orders, the record's key must be it.
    fn keyed(&self, kind: &SchemaKind, fetched: &Fetched) -> (RecordId, Result<RawDocumentBuf, RecordError>) {
        let by_key = || fetched.keyed_id(&self.topic);
        let record = match value(fetched).and_then(|value| Ok(kind.judge(value)?)) {
            Ok(record) => record,
            Err(error) => return (by_key(), Err(error)),
        };
        let key = match record.required_key() {
            Ok(key) => key,
            Err(errors) => return (by_key(), Err(errors.into())),
        };
        let outcome = if fetched.key.as_deref() == Some(key.as_bytes()) {
            Ok(record.keyed_document(key, &fetched.place()))
        } else {
            let pointer = kind.key_pointer().unwrap_or_default();
            Err(RecordError { reason: Reason::Invalid, message: format!("key must be the text at {pointer}") })
        };
        (RecordId::from_text(key), outcome)
    }

    /// An order's records must have its id as their key: under another key they may be in another partition, where
    /// nothing says which of them is newer. What is not an order has an id by its key.
    fn order(&self, fetched: &Fetched) -> (RecordId, Result<RawDocumentBuf, RecordError>) {
        let parse = |value| Order::parse(value, fetched.timestamp_ms).map_err(RecordError::from);
        let order = match value(fetched).and_then(parse) {
            Ok(order) => order,
            Err(error) => return (fetched.keyed_id(&self.topic), Err(error)),
        };
        let has_its_key = fetched.key.as_deref() == Some(order.order_id().as_bytes());
        let outcome = if has_its_key {
            Ok(order.document(&fetched.place()))
        } else {
            Err(RecordError { reason: Reason::Invalid, message: "key must be the order_id".to_owned() })
        };
        (RecordId::from_text(order.order_id()), outcome)
    }
}

fn value(fetched: &Fetched) -> Result<&[u8], RecordError> {
    let without = || RecordError { reason: Reason::Undecodable, message: "the record has no value".to_owned() };
    fetched.value.as_deref().ok_or_else(without)
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
mod tests;
