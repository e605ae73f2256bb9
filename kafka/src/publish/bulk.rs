//! Hands a bulk's records to the lanes and waits for all of their acknowledgements, with one reading of the clock and
//! one timer for all.

use std::sync::Arc;
use std::time::Instant;

use super::bulk_wait::bulk_wait;
use super::partitioner;
use super::publisher::{PublishError, Publisher};
use super::record::Record;
use super::submission::{Submission, WaitingRequest};

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Kafka has acknowledged it.
    Acknowledged,
    /// It was sent on to Kafka, but not acknowledged in time: it may be stored or not.
    Unknown,
    /// It was not sent on to Kafka, because its partition is away.
    Away,
    /// It was not sent on to Kafka, because the client's key stands for another value.
    Conflict,
}

impl Publisher {
    /// The fate of each record, in order, if at least one was acknowledged or none could ever be. All of them are
    /// admitted or none is; more than [`Self::max_in_flight`] are never admitted.
    ///
    /// # Errors
    /// Why none was acknowledged.
    pub async fn publish_bulk(&self, records: Vec<Record>) -> Result<Vec<Fate>, PublishError> {
        let partitions = self.partitions.get().ok_or(PublishError::Away)?;
        if !self.is_any_available() {
            return Err(PublishError::Away);
        }
        let permits = u32::try_from(records.len()).map_err(|_| PublishError::Full)?;
        let admission = Arc::clone(&self.admission).try_acquire_many_owned(permits).map_err(|_| PublishError::Full)?;
        let queued_at = Instant::now();
        let (bulk, slots) = bulk_wait(records.len(), admission);
        let mut fates = Vec::with_capacity(records.len());
        for (record, slot) in records.into_iter().zip(slots) {
            let partition = &partitions[partitioner::partition_of(&record.key, partitions.len())];
            let (size_bytes, request) = (record.encoded_bytes(), WaitingRequest::Bulk(slot));
            fates.push(if !partition.is_available() {
                Fate::Away
            } else if !self.keys.take(&record) {
                Fate::Conflict
            } else if partition.queue.send(Submission { record, size_bytes, queued_at, request }) {
                Fate::Unknown
            } else {
                Fate::Away
            });
        }
        // In time or not: each record has its own fate.
        tokio::time::timeout_at((queued_at + self.timeout).into(), bulk.settled()).await.ok();
        let mut is_any_acknowledged = false;
        for (fate, is_acknowledged) in fates.iter_mut().zip(bulk.acknowledged()) {
            if is_acknowledged {
                *fate = Fate::Acknowledged;
                is_any_acknowledged = true;
            }
        }
        if is_any_acknowledged {
            Ok(fates)
        } else if fates.contains(&Fate::Unknown) {
            Err(PublishError::Unacknowledged)
        } else if fates.contains(&Fate::Away) {
            Err(PublishError::Away)
        } else {
            Ok(fates)
        }
    }
}
