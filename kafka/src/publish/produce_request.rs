//! A batch of records in Kafka's format (record batch, version 2), and the request that carries one. Records that are
//! not compressed are written in one pass, straight from where they are, because this is the work of every record;
//! rskafka compresses the others.

use contract::record::{CONTENT_TYPE, CONTENT_TYPE_HEADER, TRACEPARENT_HEADER};
use rskafka::client::partition::Compression;
use rskafka::protocol::api_key::ApiKey;
use rskafka::protocol::api_version::{ApiVersion, ApiVersionRange};
use rskafka::protocol::messages::{ProduceResponse, RequestBody, WriteVersionedError, WriteVersionedType};
use rskafka::protocol::primitives::Int16;
use rskafka::protocol::record::{
    ControlBatchOrRecords, Record as ProtocolRecord, RecordBatch, RecordBatchCompression, RecordBatchTimestampType,
    RecordHeader,
};
use rskafka::protocol::traits::{WriteError, WriteType};

use super::record::{Record, varint_bytes};

/// How many bytes a batch has before its checksum's range: offset, length, epoch, magic, checksum.
const BEFORE_CHECKED: usize = 8 + 4 + 4 + 1 + 4;

/// Where the checksum is.
const CHECKSUM_AT: usize = BEFORE_CHECKED - 4;

/// How many bytes follow until the first record.
const BEFORE_RECORDS: usize = 2 + 4 + 8 + 8 + 8 + 2 + 4 + 4;

/// A batch as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedBatch(Vec<u8>);

impl EncodedBatch {
    /// A batch of these records, in their order. It is never empty.
    pub fn new<'a>(records: impl ExactSizeIterator<Item = &'a Record> + Clone, compression: Compression) -> Self {
        match compression {
            Compression::NoCompression => Self(plain(records)),
            compression => Self(compressed(records, compression)),
        }
    }

    /// Its size, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.0.len()
    }
}

fn plain<'a>(records: impl ExactSizeIterator<Item = &'a Record> + Clone) -> Vec<u8> {
    let count = records.len();
    let (first, latest) = times(records.clone());
    let bytes: usize = records.clone().map(Record::encoded_bytes).sum();
    let mut batch = Vec::with_capacity(BEFORE_CHECKED + BEFORE_RECORDS + bytes);
    batch.extend_from_slice(&0_i64.to_be_bytes());
    // The length and the checksum are known at the end.
    batch.extend_from_slice(&[0; 4]);
    batch.extend_from_slice(&(-1_i32).to_be_bytes());
    batch.push(2);
    batch.extend_from_slice(&[0; 4]);
    batch.extend_from_slice(&0_i16.to_be_bytes());
    batch.extend_from_slice(&int(count.saturating_sub(1)).to_be_bytes());
    batch.extend_from_slice(&first.to_be_bytes());
    batch.extend_from_slice(&latest.to_be_bytes());
    // No producer id, epoch or sequence: nothing is idempotent.
    batch.extend_from_slice(&(-1_i64).to_be_bytes());
    batch.extend_from_slice(&(-1_i16).to_be_bytes());
    batch.extend_from_slice(&(-1_i32).to_be_bytes());
    batch.extend_from_slice(&int(count).to_be_bytes());
    for (offset_delta, record) in (0_i64..).zip(records) {
        write_record(&mut batch, record, record.timestamp_ms - first, offset_delta);
    }
    let length = int(batch.len() - 12);
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32c::crc32c(&batch[BEFORE_CHECKED..]);
    batch[CHECKSUM_AT..BEFORE_CHECKED].copy_from_slice(&checksum.to_be_bytes());
    batch
}

/// The times of the first and of the latest record.
fn times<'a>(records: impl Iterator<Item = &'a Record>) -> (i64, i64) {
    let mut times = records.map(|record| record.timestamp_ms);
    let first = times.next().unwrap_or_default();
    (first, times.fold(first, i64::max))
}

fn write_record(batch: &mut Vec<u8>, record: &Record, timestamp_delta: i64, offset_delta: i64) {
    let traceparent = record.trace.map(|trace| trace.to_traceparent());
    let headers = usize::from(record.is_json) + usize::from(traceparent.is_some());
    let of_headers = if record.is_json { header_bytes(CONTENT_TYPE_HEADER, CONTENT_TYPE.as_bytes()) } else { 0 }
        + traceparent.as_ref().map_or(0, |trace| header_bytes(TRACEPARENT_HEADER, trace));
    let length = 1
        + signed_bytes(timestamp_delta)
        + signed_bytes(offset_delta)
        + part_bytes(&record.key)
        + part_bytes(&record.value)
        + varint_bytes(headers)
        + of_headers;
    write_length(batch, length);
    batch.push(0);
    write_signed(batch, timestamp_delta);
    write_signed(batch, offset_delta);
    write_part(batch, &record.key);
    write_part(batch, &record.value);
    write_length(batch, headers);
    if record.is_json {
        write_part(batch, CONTENT_TYPE_HEADER.as_bytes());
        write_part(batch, CONTENT_TYPE.as_bytes());
    }
    if let Some(traceparent) = &traceparent {
        write_part(batch, TRACEPARENT_HEADER.as_bytes());
        write_part(batch, traceparent);
    }
}

fn header_bytes(name: &str, value: &[u8]) -> usize {
    part_bytes(name.as_bytes()) + part_bytes(value)
}

fn part_bytes(part: &[u8]) -> usize {
    varint_bytes(part.len()) + part.len()
}

fn write_part(batch: &mut Vec<u8>, part: &[u8]) {
    write_length(batch, part.len());
    batch.extend_from_slice(part);
}

fn write_length(batch: &mut Vec<u8>, length: usize) {
    write_varint(batch, (length as u64) << 1);
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn signed_bytes(number: i64) -> usize {
    let bits = (u64::BITS - zigzag(number).leading_zeros()) as usize;
    bits.div_ceil(7).max(1)
}

fn write_signed(batch: &mut Vec<u8>, number: i64) {
    write_varint(batch, zigzag(number));
}

fn write_varint(batch: &mut Vec<u8>, mut bits: u64) {
    while bits >= 0x80 {
        batch.push(bits as u8 | 0x80);
        bits >>= 7;
    }
    batch.push(bits as u8);
}

fn int(number: usize) -> i32 {
    i32::try_from(number).expect("a batch is far below 2 GiB")
}

fn compressed<'a>(records: impl ExactSizeIterator<Item = &'a Record> + Clone, compression: Compression) -> Vec<u8> {
    let (first_timestamp, max_timestamp) = times(records.clone());
    let batch = RecordBatch {
        base_offset: 0,
        partition_leader_epoch: -1,
        last_offset_delta: int(records.len().saturating_sub(1)),
        is_transactional: false,
        base_sequence: -1,
        compression: match compression {
            Compression::NoCompression => RecordBatchCompression::NoCompression,
            Compression::Gzip => RecordBatchCompression::Gzip,
            Compression::Lz4 => RecordBatchCompression::Lz4,
            Compression::Snappy => RecordBatchCompression::Snappy,
            Compression::Zstd => RecordBatchCompression::Zstd,
        },
        timestamp_type: RecordBatchTimestampType::CreateTime,
        producer_id: -1,
        producer_epoch: -1,
        first_timestamp,
        max_timestamp,
        records: ControlBatchOrRecords::Records(
            (0..).zip(records).map(|(delta, record)| protocol_record(record, first_timestamp, delta)).collect(),
        ),
    };
    let mut encoded = Vec::new();
    batch.write(&mut encoded).expect("a batch is written to memory");
    encoded
}

fn protocol_record(record: &Record, first_timestamp: i64, offset_delta: i32) -> ProtocolRecord {
    let header = |key: &str, value: &[u8]| RecordHeader { key: key.to_owned(), value: value.to_vec() };
    let content_type = record.is_json.then(|| header(CONTENT_TYPE_HEADER, CONTENT_TYPE.as_bytes()));
    let trace = record.trace.map(|trace| header(TRACEPARENT_HEADER, &trace.to_traceparent()));
    ProtocolRecord {
        timestamp_delta: record.timestamp_ms - first_timestamp,
        offset_delta,
        key: Some(record.key.to_vec()),
        value: Some(record.value.clone()),
        headers: content_type.into_iter().chain(trace).collect(),
    }
}

/// Sends one batch to one partition; all replicas in sync must have it before Kafka answers.
pub(super) struct ProduceRequest<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) batch: &'a EncodedBatch,
}

/// How long a broker waits for the other replicas, in ms. Nobody here waits as long.
const REPLICAS_TIMEOUT_MS: i32 = 30_000;

impl RequestBody for ProduceRequest<'_> {
    type ResponseBody = ProduceResponse;

    const API_KEY: ApiKey = ApiKey::Produce;

    /// From this format of batches on, as far as the answer is read here.
    const API_VERSION_RANGE: ApiVersionRange = ApiVersionRange::new(ApiVersion(Int16(3)), ApiVersion(Int16(7)));

    const FIRST_TAGGED_FIELD_IN_REQUEST_VERSION: ApiVersion = ApiVersion(Int16(9));
}

impl WriteVersionedType<Vec<u8>> for ProduceRequest<'_> {
    /// The same in all versions of the range.
    fn write_versioned(&self, request: &mut Vec<u8>, _: ApiVersion) -> Result<(), WriteVersionedError> {
        let too_long = |error| WriteVersionedError::WriteError(WriteError::Overflow(error));
        let topic_bytes = i16::try_from(self.topic.len()).map_err(too_long)?;
        let batch_bytes = i32::try_from(self.batch.0.len()).map_err(too_long)?;
        request.reserve(64 + self.topic.len() + self.batch.0.len());
        // No transaction; all replicas in sync.
        request.extend_from_slice(&(-1_i16).to_be_bytes());
        request.extend_from_slice(&(-1_i16).to_be_bytes());
        request.extend_from_slice(&REPLICAS_TIMEOUT_MS.to_be_bytes());
        // One topic, and one partition of it.
        request.extend_from_slice(&1_i32.to_be_bytes());
        request.extend_from_slice(&topic_bytes.to_be_bytes());
        request.extend_from_slice(self.topic.as_bytes());
        request.extend_from_slice(&1_i32.to_be_bytes());
        request.extend_from_slice(&self.partition.to_be_bytes());
        request.extend_from_slice(&batch_bytes.to_be_bytes());
        request.extend_from_slice(&self.batch.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use contract::TraceContext;
    use proptest::prelude::*;
    use rskafka::protocol::traits::ReadType;
    use smallvec::SmallVec;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
        (bytes(), bytes(), any::<bool>(), any::<bool>(), 1_700_000_000_000_i64..1_710_000_000_000).prop_map(
            |(key, value, is_json, is_traced, timestamp_ms)| {
                let traceparent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
                let trace = is_traced.then(|| TraceContext::parse(traceparent).unwrap());
                Record { key: SmallVec::from_vec(key), value, is_json, timestamp_ms, trace, client_key: None }
            },
        )
    }

    fn decoded(batch: &EncodedBatch) -> RecordBatch {
        let mut bytes = Cursor::new(&batch.0);
        let decoded = RecordBatch::read(&mut bytes).unwrap();
        assert_eq!(bytes.position(), batch.size_bytes() as u64);
        decoded
    }

    proptest! {
        #[test]
        fn it_is_what_rskafka_writes(records in proptest::collection::vec(record(), 1..20)) {
            let plain = EncodedBatch::new(records.iter(), Compression::NoCompression);
            prop_assert_eq!(&plain.0, &compressed(records.iter(), Compression::NoCompression));
        }

        #[test]
        fn it_is_read_back_whole(records in proptest::collection::vec(record(), 1..5)) {
            use Compression::{Gzip, Lz4, NoCompression, Snappy, Zstd};
            for compression in [NoCompression, Gzip, Lz4, Snappy, Zstd] {
                let batch = decoded(&EncodedBatch::new(records.iter(), compression));
                let expected = (0..).zip(&records);
                let first = records[0].timestamp_ms;
                let expected = expected.map(|(delta, record)| protocol_record(record, first, delta)).collect();
                prop_assert_eq!(batch.records, ControlBatchOrRecords::Records(expected));
                prop_assert_eq!(batch.max_timestamp, records.iter().map(|record| record.timestamp_ms).max().unwrap());
            }
        }

        #[test]
        fn records_take_no_more_than_they_said(records in proptest::collection::vec(record(), 1..20)) {
            let said: usize = records.iter().map(Record::encoded_bytes).sum();
            let plain = EncodedBatch::new(records.iter(), Compression::NoCompression);
            prop_assert!(plain.size_bytes() <= BEFORE_CHECKED + BEFORE_RECORDS + said);
        }
    }
}
