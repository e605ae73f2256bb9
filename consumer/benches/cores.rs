//! What the consumer does with a record between Kafka's client and MongoDB's: decoding it, collecting it with others, and keeping
//! the offsets that may be committed.

use std::time::{Duration, Instant};

use consumer::BatchSettings;
use consumer::buffer::Buffer;
use consumer::decode::{Decoded, Decoder, Fetched};
use consumer::offsets::{Offsets, Ticket};
use consumer::work::Work;
use contract::PostId;
use measure::Measure;

#[path = "../../contract/benches/cores/measure.rs"]
mod measure;

const RECORDS: usize = 1_000;
const PARTITIONS: usize = 4;
const FLUSHES: usize = 4;
const TIMESTAMP_MS: i64 = 1_700_000_000_123;
/// The defaults.
const SETTINGS: BatchSettings = BatchSettings { messages: 100, bytes: 4_000_000, interval: Duration::from_secs(5) };

fn fetched(number: usize, content: &str) -> Fetched {
    let id = PostId::from_idempotency_key(b"bench").expect("it has no space");
    Fetched {
        partition: (number % PARTITIONS) as i32,
        offset: (number / PARTITIONS) as i64,
        timestamp_ms: TIMESTAMP_MS,
        replay_attempts: 0,
        trace: None,
        key: Some(id.to_key().to_vec()),
        value: Some(format!(r#"{{"title":"load 00ab12cd 1234567","content":"{content}"}}"#).into_bytes()),
    }
}

/// Records of all partitions in turn, with contents of 300 bytes.
fn records() -> Vec<Decoded> {
    let (mut decoder, content) = (Decoder::new("post"), "x".repeat(300));
    (0..RECORDS).map(|number| decoder.decode(fetched(number, &content))).collect()
}

fn decode(measure: &Measure) {
    let mut decoder = Decoder::new("post");
    for (name, content) in [
        ("100 B", "x".repeat(100)),
        ("300 B", "x".repeat(300)),
        ("1 KB", "x".repeat(1_000)),
        ("4 KB", "\u{1f980}".repeat(1_000)),
        ("invalid", String::new()),
    ] {
        let record = || Some(fetched(0, &content));
        measure.core(&format!("decode/{name}"), record, |record| record.take().map(|record| decoder.decode(record)));
    }
}

fn buffer(measure: &Measure) {
    let now = Instant::now();
    measure.core("buffer/1,000 records", records, |records| {
        let mut buffer = Buffer::new(SETTINGS);
        let mut batches = Vec::new();
        for record in records.drain(..) {
            buffer.push(record, now);
            if buffer.due(now).is_some() {
                batches.push(buffer.take());
            }
        }
        batches
    });
}

/// With as many flushes in flight as there may be; the oldest ends when another is due, and its offsets are committed.
fn work(measure: &Measure) {
    let now = Instant::now();
    measure.core("work/1,000 records", records, |records| {
        let mut work = Work::new(SETTINGS, FLUSHES);
        let mut batches = Vec::new();
        let mut committed = 0;
        for record in records.drain(..) {
            let (offset, timestamp_ms) = (record.fetched.offset, record.fetched.timestamp_ms);
            work.receive(record, offset, timestamp_ms, now);
            if work.is_full() {
                if batches.len() >= FLUSHES {
                    work.finished((batches.len() - FLUSHES) as u64, &[]);
                    committed += work.take_committable().len();
                }
                batches.extend(work.next_batch(now, false));
            }
        }
        (work, batches, committed)
    });
}

fn offsets(measure: &Measure) {
    let in_order: Vec<usize> = (0..RECORDS).collect();
    // Four flushes at a time, of which the youngest ends first.
    let batches: Vec<&[usize]> = in_order.chunks(SETTINGS.messages).collect();
    let out_of_order: Vec<usize> = batches
        .chunks(FLUSHES)
        .flat_map(|flushes| flushes.iter().rev())
        .flat_map(|batch| batch.iter().copied())
        .collect();
    for (name, order) in [("in order", &in_order), ("out of order", &out_of_order)] {
        measure.core(&format!("offsets/1,000 records, {name}"), Offsets::default, |offsets| {
            let received = |number: usize| {
                offsets.received((number % PARTITIONS) as i32, (number / PARTITIONS) as i64, TIMESTAMP_MS)
            };
            let tickets: Vec<Ticket> = (0..RECORDS).map(received).collect();
            for (finished, number) in order.iter().enumerate() {
                offsets.finished(tickets[*number]);
                if finished % SETTINGS.messages == SETTINGS.messages - 1 {
                    offsets.take_committable();
                }
            }
        });
    }
}

fn main() {
    let measure = Measure::from_arguments();
    decode(&measure);
    buffer(&measure);
    work(&measure);
    offsets(&measure);
}
