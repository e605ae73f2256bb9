//! The work per record apart from sending, reading and writing it. Published: its place in a batch, and the batch as it
//! goes over the wire. In a group: taking it in, collecting it with others, and keeping the offsets that may be
//! committed.

use std::time::{Duration, Instant};

use bench::Measure;
use contract::TraceContext;
use kafka::group::budget::Budget;
use kafka::group::core::{
    Action, BatchLimits, BrakeLimits, Core, Delivery, Event, GroupLimits, NotStored, Received, RunAhead,
};
use kafka::group::fetching::Fetching;
use kafka::publish::{Batch, BatchLimits as PublishLimits, Compression, ENOUGH_BYTES, EncodedBatch, Key, Record};

const RECORDS: usize = 1_000;
/// About the size of a batch under load.
const ENCODED: usize = 20;
const PARTITIONS: i32 = 4;
const FLUSHES: usize = 4;
const TRACEPARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const KEY: [u8; 36] = *b"6ae2dfe4-1723-5035-a463-d55783a966eb";
/// Bytes of JSON around a post's content.
const BESIDES_CONTENT: usize = 48;
/// As large as what the consumer's records carry.
type Cargo = [u8; 160];

/// The defaults.
const LIMITS: GroupLimits = GroupLimits {
    batch: BatchLimits { messages: 100, bytes: 4_000_000, interval: Duration::from_secs(5) },
    concurrent_flushes: FLUSHES,
    run_ahead: RunAhead { records: 100_000, bytes: 100_000_000 },
    revoke_timeout: Duration::from_secs(4),
    brake: BrakeLimits { max_share: 0.5, max_consecutive: 100 },
};

/// A core that holds all partitions, and records of them in turn, in the pieces that the fetcher hands on.
fn set_up(now: Instant) -> (Core<Cargo>, Vec<Vec<Received<Cargo>>>) {
    let mut core = Core::new(LIMITS, Budget::new(16_000_000));
    let partitions: Vec<i32> = (0..PARTITIONS).collect();
    let assignment = Fetching::default().assign(&partitions);
    core.handle(Event::Delivered(Delivery::Assigned { assignment, partitions }), now);
    while core.next_action(now).is_some() {}
    let record = |number: usize| {
        let (partition, offset) = (number as i32 % PARTITIONS, (number as i32 / PARTITIONS).into());
        Received::new(partition, offset, assignment, 700, [0; 160])
    };
    let pieces = (0..RECORDS / 100).map(|piece| (piece * 100..(piece + 1) * 100).map(record).collect()).collect();
    (core, pieces)
}

/// With the largest number of flushes in flight. They end in the order in which they started, or the youngest of four
/// first.
fn core(measure: &Measure) {
    let now = Instant::now();
    for (name, youngest_first) in [("in order", false), ("out of order", true)] {
        let records = || set_up(now);
        measure.core(&format!("core/1,000 records, {name}"), records, |(core, pieces)| {
            let mut in_flight = Vec::new();
            let mut now = now;
            for piece in pieces.drain(..) {
                core.handle(Event::Delivered(Delivery::Records(piece)), now);
                now += Duration::from_millis(100);
                act(core, &mut in_flight, now);
                if in_flight.len() == FLUSHES {
                    if youngest_first {
                        in_flight.reverse();
                    }
                    let ended = if youngest_first { FLUSHES } else { 1 };
                    for flushed in in_flight.drain(..ended).collect::<Vec<_>>() {
                        core.handle(flushed, now);
                        act(core, &mut in_flight, now);
                    }
                }
            }
            in_flight
        });
    }
}

/// Does what the core says: flushes are on their way, and commits are acknowledged at once.
fn act(core: &mut Core<Cargo>, in_flight: &mut Vec<Event<Cargo>>, now: Instant) {
    while let Some(action) = core.next_action(now) {
        match action {
            Action::Flush(batch) => {
                let not_stored: Vec<(usize, NotStored)> = Vec::new();
                let (batch, records) = (batch.number, batch.records);
                in_flight.push(Event::Flushed { batch, records, not_stored, why_later: None });
            }
            Action::Commit(_) => core.handle(Event::Committed(Ok(())), now),
            _ => {}
        }
    }
}

/// A post as it is published.
fn record(content_bytes: usize, trace: Option<TraceContext>) -> Record {
    let value = vec![b'x'; content_bytes + BESIDES_CONTENT];
    Record { key: Key::from(KEY), value, is_json: true, timestamp_ms: 1_700_000_000_123, trace, client_key: None }
}

fn records(measure: &Measure) {
    for (name, record) in [
        ("100 B", record(100, None)),
        ("300 B", record(300, None)),
        ("1 KB", record(1_000, None)),
        ("4 KB", record(4_000, None)),
        ("300 B, traced", record(300, TraceContext::parse(TRACEPARENT))),
    ] {
        let records: Vec<Record> = std::iter::repeat_n(record, ENCODED).collect();
        let encode = |records: &mut &[Record]| EncodedBatch::new(records.iter(), Compression::NoCompression);
        measure.core(&format!("encoded/{ENCODED} records of {name}"), || &records[..], encode);
    }
}

/// As a lane takes them out of a full queue, where batches could not grow.
fn batch(measure: &Measure) {
    let records = || (0..RECORDS).map(|_| record(300, None)).collect();
    let limits = PublishLimits { bytes: ENOUGH_BYTES, items: usize::MAX };
    measure.core("batch/1,000 posts of 300 B", records, |records: &mut Vec<Record>| {
        let mut batches = Vec::new();
        let mut batch: Option<Batch<Record>> = None;
        for record in records.drain(..) {
            let bytes = record.encoded_bytes();
            let left = match &mut batch {
                Some(batch) => batch.push(record, bytes).err(),
                None => Some(record),
            };
            if let Some(record) = left {
                let next = Batch::new(record, bytes, limits);
                batches.extend(batch.replace(next).map(Batch::into_items));
            }
        }
        batches.extend(batch.map(Batch::into_items));
        batches
    });
}

fn main() {
    let measure = Measure::from_arguments();
    records(&measure);
    batch(&measure);
    core(&measure);
}
