//! Hands a bulk's records to the lanes and waits for all of their acknowledgements, with one timer for all.

use std::sync::Arc;
use std::time::Instant;

use service::rate::Held;

use super::batched::BatchedPublisher;
use super::bulk_wait::{BulkWait, Known};
use super::error::PublishError;
use super::record::Record;
use super::submission::{Submission, WaitingRequest};

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Kafka has acknowledged it.
    Acknowledged,
    /// It was sent on to Kafka, but not acknowledged in time: it may be stored or not.
    Unknown,
    /// It was not sent on to Kafka: its partition is away, or there was no room in time. Or Kafka refused the batch
    /// that it was in, and will take it in a smaller one.
    Away,
    /// It was not sent on to Kafka, because the client's key stands for another value.
    Conflict,
    /// The topic takes no record of this size.
    TooLarge,
}

impl BatchedPublisher {
    /// The fate of each record, in order, if at least one was acknowledged or none could ever be. They are admitted as
    /// room appears; those that find none in time are away.
    ///
    /// # Errors
    /// Why none was acknowledged.
    pub fn publish_bulk(&self, records: Vec<Record>) -> impl Future<Output = Result<Vec<Fate>, PublishError>> + Send {
        self.publish_bulk_of(records, None)
    }

    /// The same for a caller who holds this much of what is in flight: it gets no more than its share.
    ///
    /// # Errors
    /// Why none was acknowledged.
    pub async fn publish_bulk_of(
        &self,
        records: Vec<Record>,
        held: Option<&Arc<Held>>,
    ) -> Result<Vec<Fate>, PublishError> {
        if self.router.is_closed() {
            return Err(PublishError::Away);
        }
        let deadline = Instant::now() + self.timeout;
        let bulk = BulkWait::new(records.len());
        let (mut fates, mut refused) = (Vec::with_capacity(records.len()), None);
        for (index, record) in records.into_iter().enumerate() {
            let size_bytes = record.encoded_bytes();
            if self.router.is_closed() {
                refused.get_or_insert(PublishError::Away);
            }
            if refused.is_none() {
                match self.admission.admit_of_bulk(size_bytes, || bulk.in_flight(), deadline, held).await {
                    Ok(admitted) if !self.keys.take(&record) => {
                        drop(admitted);
                        fates.push(Fate::Conflict);
                        continue;
                    }
                    Ok(admitted) => {
                        let (request, queued_at) = (WaitingRequest::Bulk(bulk.slot(index, admitted)), Instant::now());
                        if self.queue.send(Submission { record, size_bytes, queued_at, request }) {
                            fates.push(Fate::Unknown);
                            continue;
                        }
                        refused = Some(PublishError::Away);
                    }
                    Err(full) => refused = Some(full),
                }
            }
            fates.push(Fate::Away);
        }
        match settle(fates, &bulk, deadline).await {
            Err(PublishError::Away) => Err(refused.unwrap_or(PublishError::Away)),
            settled => settled,
        }
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
    for (fate, known) in fates.iter_mut().zip(bulk.known()) {
        match known {
            Known::Nothing => {}
            Known::Acknowledged => *fate = Fate::Acknowledged,
            Known::Refused => *fate = Fate::TooLarge,
            Known::NotStored => *fate = Fate::Away,
        }
    }
    if fates.contains(&Fate::Acknowledged) {
        Ok(fates)
    } else if fates.contains(&Fate::Unknown) {
        Err(PublishError::Unacknowledged)
    } else if fates.contains(&Fate::Away) {
        Err(PublishError::Away)
    } else {
        Ok(fates)
    }
}
