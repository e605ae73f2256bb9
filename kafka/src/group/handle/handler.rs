//! What a program does with its records, and what it answers.

use super::record::ConsumerRecord;

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is where it belongs, durably: the group may commit it, and never sees it again.
    Stored,
    /// It can never be stored, for this reason. It goes to the topic of the dead letters, untouched, with the reason in
    /// a header; then the group may commit it.
    Rejected(String),
    /// It cannot be stored now, for this reason. It is handed over again after a growing pause, until the answer is
    /// another one.
    Later(String),
}

/// Takes the records of a group. A function can be one: see [`batches`] and [`each`].
pub trait Handler: Send + Sync + 'static {
    /// Handles records of one topic, in the order in which they were received, which is that of each partition. Returns
    /// an answer for each, in the same order. With any other number of answers all of them are handed over again.
    ///
    /// With one batch at a time ([`super::GroupOptions::concurrent_batches`]), what is answered with [`Answer::Later`]
    /// comes again before any other batch. But what follows it in its own batch was handed over with it: where a later
    /// record must not be stored first, answer `Later` for that, too. While a partition is taken away, the rest of it
    /// may come beside a batch of other partitions; and if its time is over before its records are, its next member
    /// starts again at the first of them, perhaps beside a batch that this one has not finished.
    ///
    /// The future is dropped when the group is joined again, because a file of the cluster's security has changed, and
    /// it takes longer than [`super::GroupOptions::revoke_timeout`]: its records then come again.
    ///
    /// A record can come twice, for instance after a crash: what is stored for it must be the same both times.
    fn handle(&self, records: Vec<ConsumerRecord>) -> impl Future<Output = Vec<Answer>> + Send;
}

/// A handler that gets whole batches, so that it can store them in one go.
pub fn batches<F, Answers>(handle: F) -> impl Handler
where
    F: Fn(Vec<ConsumerRecord>) -> Answers + Send + Sync + 'static,
    Answers: Future<Output = Vec<Answer>> + Send,
{
    Batches(handle)
}

/// A handler that gets one record after another. Each batch is handled in turn, and the group commits as usual.
pub fn each<F, Answered>(handle: F) -> impl Handler
where
    F: Fn(ConsumerRecord) -> Answered + Send + Sync + 'static,
    Answered: Future<Output = Answer> + Send,
{
    Each(handle)
}

struct Batches<F>(F);

impl<F, Answers> Handler for Batches<F>
where
    F: Fn(Vec<ConsumerRecord>) -> Answers + Send + Sync + 'static,
    Answers: Future<Output = Vec<Answer>> + Send,
{
    async fn handle(&self, records: Vec<ConsumerRecord>) -> Vec<Answer> {
        (self.0)(records).await
    }
}

struct Each<F>(F);

impl<F, Answered> Handler for Each<F>
where
    F: Fn(ConsumerRecord) -> Answered + Send + Sync + 'static,
    Answered: Future<Output = Answer> + Send,
{
    async fn handle(&self, records: Vec<ConsumerRecord>) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(records.len());
        for record in records {
            answers.push((self.0)(record).await);
        }
        answers
    }
}
