//! What the group leaves to its service: what its records are, and where they are stored.

use contract::{DeadLetter, Fetched};

use super::core::{Flush, NotStored};

/// Says what a group's records are, and writes them.
pub trait RecordHandler: Send + Sync + 'static {
    /// A record, as it is kept from its fetch until it is finished.
    type Record: AsRef<Fetched> + Send + Sync + 'static;

    /// Whether the records of a partition are written in their order where one batch is written at a time. Otherwise a
    /// record that must be written later holds up no other batch.
    const IS_ORDERED: bool = false;

    /// Makes records of what is fetched, on the thread that fetches.
    fn reader(&self) -> impl FnMut(Fetched) -> Self::Record + Send + 'static;

    /// Whether another record is taken; asked before each is read. After the first no, nothing more is fetched until
    /// the end: a record that was passed over must not be followed by one that is committed.
    fn takes_another(&self) -> bool {
        true
    }

    /// What the record takes in memory, in bytes.
    fn bytes(&self, record: &Self::Record) -> usize;

    /// Tries once to write the batch. Its answer must be certain for each record: one that it does not name is stored
    /// durably.
    fn write(&self, batch: &mut Flush<Self::Record>) -> impl Future<Output = Written> + Send;

    /// The dead letter of a record that can never be stored.
    fn dead_letter(&self, record: &Self::Record) -> DeadLetter;

    /// Why the record can never be stored, for logs and health checks: without what clients have sent.
    fn log_line<'a>(&self, record: &'a Self::Record) -> &'a str;
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Written {
    /// The records that are not stored, by position, ascending.
    pub not_stored: Vec<(usize, NotStored)>,
    /// Why some must be tried again later.
    pub why_later: Option<String>,
}
