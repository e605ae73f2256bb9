//! What the producer does with a valid post before rskafka takes it: its record, and its place in a batch. What rskafka makes
//! of a batch is not to be had alone: its encoding is private.

use std::time::{Duration, Instant};

use contract::{PostId, TraceContext};
use measure::Measure;
use producer::{Batch, ENOUGH_BYTES, Publishing};

#[path = "../../contract/benches/cores/measure.rs"]
mod measure;

const TRACEPARENT: &[u8] = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// Bytes of JSON around the content.
const BESIDES_CONTENT: usize = 48;

fn post(content_bytes: usize, trace: Option<TraceContext>) -> Publishing {
    let id = PostId::from_idempotency_key(b"bench").expect("it has no space");
    Publishing { id, value: vec![b'x'; content_bytes + BESIDES_CONTENT], timestamp_ms: 1_700_000_000_123, trace }
}

fn record(measure: &Measure) {
    for (name, post) in [
        ("100 B", post(100, None)),
        ("300 B", post(300, None)),
        ("1 KB", post(1_000, None)),
        ("4 KB", post(4_000, None)),
        ("300 B, traced", post(300, TraceContext::parse(TRACEPARENT))),
    ] {
        measure.core(&format!("record/{name}"), || &post, |post| post.to_record());
    }
}

/// As a lane takes them out of a full queue, where batches could not grow.
fn batch(measure: &Measure) {
    let posts = || (0..1_000).map(|_| post(300, None)).collect();
    let (now, linger) = (Instant::now(), Duration::from_millis(2));
    measure.core("batch/1,000 posts of 300 B", posts, |posts: &mut Vec<Publishing>| {
        let mut batches = Vec::new();
        let mut batch: Option<Batch<Publishing>> = None;
        for post in posts.drain(..) {
            let bytes = post.encoded_bytes();
            let left = match &mut batch {
                Some(batch) => batch.push(post, bytes).err(),
                None => Some(post),
            };
            if let Some(post) = left {
                let next = Batch::new(post, bytes, ENOUGH_BYTES, now, linger);
                batches.extend(batch.replace(next).map(Batch::into_items));
            }
        }
        batches.extend(batch.map(Batch::into_items));
        batches
    });
}

fn main() {
    let measure = Measure::from_arguments();
    record(&measure);
    batch(&measure);
}
