//! Between the group and a program's handler: what the group keeps of a record, and what the handler's answers mean.

use std::sync::Arc;

use contract::dead_letter::Reason;
use contract::{DeadLetter, Fetched};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::handler::{Answer, Handler};
use super::limit::Limit;
use super::record::ConsumerRecord;
use crate::group::core::{Flush, NotStored};
use crate::group::handler::{RecordHandler, Written};

/// The memory that each record takes besides its own bytes: queue entries, tickets, allocations.
const OVERHEAD_BYTES: usize = 256;

/// Hands the records of one topic to the handler.
pub(super) struct Adapter<H> {
    pub(super) topic: Arc<str>,
    pub(super) handler: Arc<H>,
    pub(super) limit: Option<Limit>,
}

/// A record from its fetch until it is finished.
pub(super) struct Kept {
    record: ConsumerRecord,
    /// Why it can never be stored.
    rejection: Option<String>,
    /// Says that it is held, for as long as it is.
    _held: Option<TaskTrackerToken>,
}

impl AsRef<Fetched> for Kept {
    fn as_ref(&self) -> &Fetched {
        &self.record.fetched
    }
}

impl<H: Handler> RecordHandler for Adapter<H> {
    type Record = Kept;

    const IS_ORDERED: bool = true;

    fn reader(&self) -> impl FnMut(Fetched) -> Kept + Send + 'static {
        let (topic, limit) = (Arc::clone(&self.topic), self.limit.clone());
        move |fetched| Kept {
            record: ConsumerRecord { topic: Arc::clone(&topic), fetched: Arc::new(fetched) },
            rejection: None,
            _held: limit.as_ref().map(Limit::take),
        }
    }

    fn takes_another(&self) -> bool {
        self.limit.as_ref().is_none_or(Limit::takes_another)
    }

    fn bytes(&self, record: &Kept) -> usize {
        let part = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        OVERHEAD_BYTES + part(record.record.key()) + part(record.record.value())
    }

    async fn write(&self, batch: &mut Flush<Kept>) -> Written {
        let records: Vec<_> = batch.records.iter().map(|received| received.cargo.record.clone()).collect();
        let answers = self.handler.handle(records).await;
        written(batch.records.iter_mut().map(|received| &mut received.cargo.rejection), answers)
    }

    fn dead_letter(&self, record: &Kept) -> DeadLetter {
        let (topic, record, rejection) = (self.topic.to_string(), &record.record, &record.rejection);
        let (partition, offset) = (record.partition(), record.offset());
        let id = record.fetched.keyed_id(&topic);
        let message = rejection.clone().unwrap_or_default();
        DeadLetter { topic, partition, offset, reason: Reason::Refused, message, id }
    }

    fn log_line<'a>(&self, _: &'a Kept) -> &'a str {
        // The handler's own reason may repeat what a client sent.
        "the handler rejects this record"
    }
}

/// What the answers mean for the batch. `rejections` has a place for each record's reason.
fn written<'a>(rejections: impl ExactSizeIterator<Item = &'a mut Option<String>>, answers: Vec<Answer>) -> Written {
    let count = rejections.len();
    if answers.len() != count {
        let why_later = format!("the handler gives {} answers for {count} records", answers.len());
        let not_stored = (0..count).map(|position| (position, NotStored::Later)).collect();
        return Written { not_stored, why_later: Some(why_later) };
    }
    let mut written = Written::default();
    for (position, (rejection, answer)) in rejections.zip(answers).enumerate() {
        match answer {
            Answer::Stored => {}
            Answer::Rejected(reason) => {
                *rejection = Some(reason);
                written.not_stored.push((position, NotStored::Never));
            }
            Answer::Later(reason) => {
                written.not_stored.push((position, NotStored::Later));
                written.why_later.get_or_insert(reason);
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(answers: &[Answer], records: usize) -> (Written, Vec<Option<String>>) {
        let mut rejections = vec![None; records];
        let written = written(rejections.iter_mut(), answers.to_vec());
        (written, rejections)
    }

    #[test]
    fn each_record_has_the_answer_at_its_place() {
        use Answer::{Later, Rejected, Stored};
        let text = str::to_owned;
        let answers = [Stored, Later(text("busy")), Rejected(text("odd")), Stored, Later(text("away"))];
        let (written, rejections) = of(&answers, 5);
        let expected = [(1, NotStored::Later), (2, NotStored::Never), (4, NotStored::Later)];
        assert_eq!((written.not_stored, written.why_later), (expected.to_vec(), Some(text("busy"))));
        assert_eq!(rejections, [None, None, Some(text("odd")), None, None]);
        let (written, _) = of(&[Stored, Stored], 2);
        assert_eq!((written.not_stored, written.why_later), (vec![], None));
    }

    /// Otherwise a record without an answer would count as stored, and be lost.
    #[test]
    fn another_number_of_answers_stores_nothing() {
        for answers in [0, 1, 3] {
            let (written, rejections) = of(&vec![Answer::Rejected("odd".to_owned()); answers], 2);
            assert_eq!(written.not_stored, [(0, NotStored::Later), (1, NotStored::Later)]);
            assert_eq!(written.why_later.unwrap(), format!("the handler gives {answers} answers for 2 records"));
            assert_eq!(rejections, [None, None]);
        }
    }
}
