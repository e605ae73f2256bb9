//! Hands a bulk's records to the lanes and waits for all of their acknowledgements, with one reading of the clock and
//! one timer for all.

use std::time::Instant;

use super::batched::BatchedPublisher;
use super::bulk_wait::{BulkWait, bulk_wait};
use super::error::PublishError;
use super::partitioner;
use super::record::{Record, encoded_bytes};
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

impl BatchedPublisher {
    /// The fate of each record, in order, if at least one was acknowledged or none could ever be. All of them are
    /// admitted or none is; more than [`Self::max_in_flight`] are never admitted.
    ///
    /// # Errors
    /// Why none was acknowledged.
    pub async fn publish_bulk(&self, records: Vec<Record>) -> Result<Vec<Fate>, PublishError> {
        let queues = self.queues.get().ok_or(PublishError::Away)?;
        if !self.availability.is_any_available() {
            return Err(PublishError::Away);
        }
        let admission = self.admission.admit(records.len(), encoded_bytes(&records))?;
        let queued_at = Instant::now();
        let (bulk, slots) = bulk_wait(records.len(), admission);
        let mut fates = Vec::with_capacity(records.len());
        for (record, slot) in records.into_iter().zip(slots) {
            let partition = partitioner::partition_of(&record.key, queues.len());
            let (size_bytes, request) = (record.encoded_bytes(), WaitingRequest::Bulk(slot));
            fates.push(if !self.availability.is_available(partition) {
                Fate::Away
            } else if !self.keys.take(&record) {
                Fate::Conflict
            } else if queues[partition].send(Submission { record, size_bytes, queued_at, request }) {
                Fate::Unknown
            } else {
                Fate::Away
            });
        }
        settle(fates, &bulk, queued_at + self.timeout).await
    }
}

/// Waits for the acknowledgements of the records that were sent on, and enters them as their fates. Those that have not
/// come by the deadline stay unknown.
///
/// # Errors
/// Why none was acknowledged.
pub(super) async fn settle(
    mut fates: Vec<Fate>,
    bulk: &BulkWait,
    deadline: Instant,
) -> Result<Vec<Fate>, PublishError> {
    // In time or not: each record has its own fate.
    tokio::time::timeout_at(deadline.into(), bulk.settled()).await.ok();
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
