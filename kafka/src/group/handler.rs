//! What a group does not know: what its records are, and where they are stored.

use contract::{DeadLetter, Fetched};

use super::core::{Flush, NotStored};

/// Says what the records of a group are, and writes them.
pub trait RecordHandler: Send + Sync + 'static {
    /// A record, as it is kept from its fetch until it is finished.
    type Record: AsRef<Fetched> + Send + Sync + 'static;

    /// Makes records of what is fetched, on the thread that fetches.
    fn reader(&self) -> impl FnMut(Fetched) -> Self::Record + Send + 'static;

    /// What the record takes in memory, in bytes.
    fn bytes(&self, record: &Self::Record) -> usize;

    /// Tries once to write the batch. What it says of each record must be certain: a record that is neither rejected
    /// nor to be tried later is stored durably.
    fn write(&self, batch: &mut Flush<Self::Record>) -> impl Future<Output = Written> + Send;

    /// The dead letter of a record that [`Self::write`] has rejected.
    fn dead_letter(&self, record: &Self::Record) -> DeadLetter;

    /// What is wrong with a rejected record, for logs and health checks: without what clients have sent.
    fn log_line<'a>(&self, record: &'a Self::Record) -> &'a str;
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Written {
    /// The records that are not stored, by position, ascending.
    pub not_stored: Vec<(usize, NotStored)>,
    /// Why some are to be tried later.
    pub why_later: Option<String>,
}
