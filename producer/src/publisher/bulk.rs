//! Hands the posts of a bulk to the lanes and waits for all of their acknowledgements, with one look at the clock and one
//! timer for all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use service::trace::{span_id, trace_id};

use super::{Publisher, Submission};
use crate::bulk_wait::bulk_wait;
use crate::partitioner;
use crate::record::Publishing;
use crate::refusal::Refusal;
use crate::waiting_request::WaitingRequest;

/// What became of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Kafka has acknowledged it.
    Acknowledged,
    /// It was handed to Kafka, but not acknowledged in time: it may be stored or not.
    Unknown,
    /// It was not handed to Kafka, because its partition is away.
    Away,
    /// It was not handed to Kafka, because the `Idempotency-Key` stands for another post in its place.
    Conflict,
}

impl Publisher {
    /// The fate of each post, in their order, when at least one was acknowledged or none could ever be. Either there is room
    /// for all of them or none is let in. `is_keyed` says that the posts' ids stand for an `Idempotency-Key`.
    pub(crate) async fn publish_bulk(&self, posts: Vec<Publishing>, is_keyed: bool) -> Result<Vec<Fate>, Refusal> {
        if posts.len() > self.max_in_flight {
            return Err(Refusal::NeverFits { posts: posts.len(), max_in_flight: self.max_in_flight });
        }
        let partitions = self.partitions.get().ok_or(Refusal::KafkaAway)?;
        if !self.is_any_available() {
            return Err(Refusal::KafkaAway);
        }
        let permits = u32::try_from(posts.len()).map_err(|_| Refusal::Full)?;
        let admission = Arc::clone(&self.admission).try_acquire_many_owned(permits).map_err(|_| Refusal::Full)?;
        let queued_at = Instant::now();
        let trace = posts.first().and_then(|post| post.trace);
        let (bulk, slots) = bulk_wait(posts.len(), admission);
        let mut fates = Vec::with_capacity(posts.len());
        for (post, slot) in posts.into_iter().zip(slots) {
            let partition = &partitions[partitioner::partition_of(&post.id.to_key(), partitions.len())];
            let (size_bytes, request) = (post.encoded_bytes(), WaitingRequest::Bulk(slot));
            fates.push(if !partition.available.load(Ordering::Relaxed) {
                Fate::Away
            } else if is_keyed && !self.keys.take(&post) {
                Fate::Conflict
            } else if partition.queue.send(Submission { post, size_bytes, queued_at, request }) {
                Fate::Unknown
            } else {
                Fate::Away
            });
        }
        // Whether or not all were in time: each tells for itself.
        tokio::time::timeout_at((queued_at + self.timeout).into(), bulk.settled()).await.ok();
        let mut count = 0;
        for (fate, is_acknowledged) in fates.iter_mut().zip(bulk.acknowledged()) {
            if is_acknowledged {
                *fate = Fate::Acknowledged;
                count += 1;
            }
        }
        if count > 0 {
            tracing::debug!(
                posts = count,
                topic = self.topic,
                trace_id = trace_id(trace),
                span_id = span_id(trace),
                "Messages sent to topic"
            );
        } else if fates.contains(&Fate::Unknown) {
            return Err(Refusal::BulkUnacknowledged);
        } else if fates.contains(&Fate::Away) {
            return Err(Refusal::KafkaAway);
        }
        Ok(fates)
    }
}
