//! A record before it is sent: its size within a batch, and rskafka's form of it, which owns all its parts and so is
//! made only when a batch is sent.

use chrono::DateTime;
use contract::TraceContext;
use contract::record::{CONTENT_TYPE, CONTENT_TYPE_HEADER, TRACEPARENT_HEADER};
use rskafka::record::Record as RskafkaRecord;
use smallvec::SmallVec;

/// A record's key. A UUID's text needs no memory of its own.
pub type Key = SmallVec<[u8; 36]>;

/// A record on its way.
pub struct Record {
    /// Its key, which decides the partition.
    pub key: Key,
    /// Its value.
    pub value: Vec<u8>,
    /// The value is JSON, and a header says so.
    pub is_json: bool,
    /// Its time, in ms since 1970.
    pub timestamp_ms: i64,
    /// The trace it belongs to: that of the request's span, or without tracing the client's, if it had one.
    pub trace: Option<TraceContext>,
    /// The identity of the client's own key for this record, if it gave one: the key may stand for no other value.
    pub client_key: Option<[u8; 16]>,
}

impl Record {
    /// In rskafka's form.
    #[inline]
    pub fn to_rskafka(&self) -> RskafkaRecord {
        let content_type = self.is_json.then(|| (CONTENT_TYPE_HEADER.to_owned(), CONTENT_TYPE.as_bytes().to_vec()));
        let trace = self.trace.map(|trace| (TRACEPARENT_HEADER.to_owned(), trace.to_traceparent()));
        RskafkaRecord {
            key: Some(self.key.to_vec()),
            value: Some(self.value.clone()),
            headers: content_type.into_iter().chain(trace).collect(),
            timestamp: DateTime::from_timestamp_millis(self.timestamp_ms).unwrap_or_default(),
        }
    }

    /// Upper bound of the record's size within an uncompressed batch, in bytes; at most 6 more than the size. The bound
    /// is close, because the broker's work depends on the number of batches, and where large ones stall a batch has
    /// room for only some twenty records.
    #[inline]
    pub fn encoded_bytes(&self) -> usize {
        // Attributes; a timestamp delta of months; an offset delta of thousands.
        const FIXED: usize = 1 + 5 + 2;
        const CONTENT_TYPE_BYTES: usize = with_length(CONTENT_TYPE_HEADER.len()) + with_length(CONTENT_TYPE.len());
        const TRACEPARENT_BYTES: usize = with_length(TRACEPARENT_HEADER.len()) + with_length(55);
        const HEADER_COUNT: usize = varint_bytes(2);
        let content_type = if self.is_json { CONTENT_TYPE_BYTES } else { 0 };
        let trace = if self.trace.is_some() { TRACEPARENT_BYTES } else { 0 };
        let parts = with_length(self.key.len()) + with_length(self.value.len());
        with_length(FIXED + parts + HEADER_COUNT + content_type + trace)
    }
}

/// The same for all records of a bulk.
pub fn encoded_bytes(records: &[Record]) -> usize {
    records.iter().map(Record::encoded_bytes).sum()
}

const fn with_length(length: usize) -> usize {
    varint_bytes(length) + length
}

/// Bytes of Kafka's varint of a number that is not negative: seven bits a byte, after zigzag has doubled it.
const fn varint_bytes(number: usize) -> usize {
    let bits = (usize::BITS - (2 * number).leading_zeros()) as usize;
    if bits == 0 { 1 } else { bits.div_ceil(7) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(key_bytes: usize, value_bytes: usize, is_json: bool, is_traced: bool) -> Record {
        let traceparent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = is_traced.then(|| TraceContext::parse(traceparent).unwrap());
        let (key, value) = (SmallVec::from_elem(b'k', key_bytes), vec![b'x'; value_bytes]);
        Record { key, value, is_json, timestamp_ms: 1, trace, client_key: None }
    }

    /// As the protocol has it, with the largest deltas.
    fn encoded(record: &RskafkaRecord) -> usize {
        let parts = [record.key.as_deref(), record.value.as_deref()].map(Option::unwrap_or_default);
        let headers = record.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]);
        let parts: usize = parts.into_iter().chain(headers).map(|part| with_length(part.len())).sum();
        with_length(1 + 5 + 2 + parts + varint_bytes(record.headers.len()))
    }

    #[test]
    fn a_post_of_the_lab_has_the_size_that_a_broker_stores() {
        // Length, attributes, deltas, key, value, one header: as in a segment of a broker's log, but for the deltas,
        // which take one byte each there.
        let stored = 2 + 1 + 1 + 1 + (1 + 36) + (2 + 300) + 1 + (1 + 12) + (1 + 16);
        assert_eq!(record(36, 300, true, false).encoded_bytes(), stored + 5);
    }

    #[test]
    fn varints_grow_after_every_seventh_bit() {
        for (number, bytes) in [(0, 1), (63, 1), (64, 2), (8_191, 2), (8_192, 3), (1 << 20, 4)] {
            assert_eq!(varint_bytes(number), bytes, "{number}");
        }
    }

    proptest! {
        #[test]
        fn a_size_is_that_of_what_is_sent(
            key_bytes in 0_usize..200,
            value_bytes in 0_usize..9_000,
            is_json: bool,
            is_traced: bool,
        ) {
            let record = record(key_bytes, value_bytes, is_json, is_traced);
            prop_assert_eq!(record.encoded_bytes(), encoded(&record.to_rskafka()));
        }
    }
}
