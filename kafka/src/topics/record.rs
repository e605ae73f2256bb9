//! A record as librdkafka holds it.

use contract::place::{ORIGIN_OFFSET_HEADER, ORIGIN_PARTITION_HEADER};
use contract::{Fetched, Place, TraceContext, dead_letter, record};
use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers, Message};

/// A record as it lies in a topic.
#[derive(Clone, Copy)]
pub struct ReadRecord<'a>(&'a BorrowedMessage<'a>);

impl<'a> ReadRecord<'a> {
    pub(crate) fn new(message: &'a BorrowedMessage<'a>) -> Self {
        Self(message)
    }

    pub(super) fn message(self) -> &'a BorrowedMessage<'a> {
        self.0
    }

    /// Its partition.
    pub fn partition(self) -> i32 {
        self.0.partition()
    }

    /// Its offset.
    pub fn offset(self) -> i64 {
        self.0.offset()
    }

    /// Its time, in ms since 1970.
    pub fn timestamp_ms(self) -> Option<i64> {
        self.0.timestamp().to_millis()
    }

    /// Whether that is its sender's time, and not its arrival.
    pub fn has_senders_time(self) -> bool {
        matches!(self.0.timestamp(), Timestamp::CreateTime(_))
    }

    /// Its key, if it has one.
    pub fn key(self) -> Option<&'a [u8]> {
        self.0.key()
    }

    /// Its value, if it has one.
    pub fn value(self) -> Option<&'a [u8]> {
        self.0.payload()
    }

    /// Its headers, without those that have no value.
    pub fn headers(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let headers = self.0.headers().into_iter().flat_map(Headers::iter);
        headers.filter_map(|header| Some((header.key, header.value?)))
    }

    /// How often it was sent back from the dead letters.
    pub fn replay_attempts(self) -> u32 {
        dead_letter::replay_attempts(self.header(dead_letter::REPLAY_ATTEMPTS_HEADER))
    }

    /// Where it stood first, if its headers say so.
    pub fn origin(self) -> Option<Place> {
        let (partition, offset) = (self.header(ORIGIN_PARTITION_HEADER), self.header(ORIGIN_OFFSET_HEADER));
        Place::from_origin_headers(partition, offset, self.timestamp_ms().unwrap_or_default())
    }

    /// A copy of it.
    pub fn fetched(self) -> Fetched {
        let replay_attempts = self.replay_attempts();
        Fetched {
            partition: self.partition(),
            offset: self.offset(),
            timestamp_ms: self.timestamp_ms().unwrap_or_default(),
            replay_attempts,
            origin: if replay_attempts > 0 { self.origin() } else { None },
            trace: self.header(record::TRACEPARENT_HEADER).and_then(TraceContext::parse),
            key: self.key().map(<[u8]>::to_vec),
            value: self.value().map(<[u8]>::to_vec),
        }
    }

    /// The value of the first header of this name.
    fn header(self, name: &str) -> Option<&'a [u8]> {
        self.0.headers()?.iter().find(|header| header.key == name).and_then(|header| header.value)
    }
}
