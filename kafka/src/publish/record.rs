//! A record before it is sent, and its size within a batch.

use contract::TraceContext;
use contract::record::{CONTENT_TYPE, CONTENT_TYPE_HEADER, TRACEPARENT_HEADER};
use smallvec::SmallVec;

/// A record's key. A UUID's text needs no memory of its own.
pub type Key = SmallVec<[u8; 36]>;

/// A record on its way.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its key, which decides the partition where the order counts.
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
    /// Upper bound of the record's size within an uncompressed batch, in bytes; at most a few more than the size.
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

const fn with_length(length: usize) -> usize {
    varint_bytes(length) + length
}

/// Bytes of Kafka's varint of a number that is not negative: seven bits a byte, after zigzag has doubled it.
pub(super) const fn varint_bytes(number: usize) -> usize {
    let bits = (usize::BITS - (2 * number).leading_zeros()) as usize;
    if bits == 0 { 1 } else { bits.div_ceil(7) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_of_the_lab_has_the_size_that_a_broker_stores() {
        // Length, attributes, deltas, key, value, one header: as in a segment of a broker's log, but for the deltas,
        // which take one byte each there.
        let stored = 2 + 1 + 1 + 1 + (1 + 36) + (2 + 300) + 1 + (1 + 12) + (1 + 16);
        let (key, value) = (SmallVec::from_elem(b'k', 36), vec![b'x'; 300]);
        let record = Record { key, value, is_json: true, timestamp_ms: 1, trace: None, client_key: None };
        assert_eq!(record.encoded_bytes(), stored + 5);
    }

    #[test]
    fn varints_grow_after_every_seventh_bit() {
        for (number, bytes) in [(0, 1), (63, 1), (64, 2), (8_191, 2), (8_192, 3), (1 << 20, 4)] {
            assert_eq!(varint_bytes(number), bytes, "{number}");
        }
    }
}
