//! What goes into the core and what comes out of it.

use super::assignments::Assignment;
use super::flushes::Flush;
use super::letters::{Letter, LetterError};
use super::received::Received;
use crate::group::fetching::Wish;

/// What the fetcher's half hands on, in the order in which it happened: one stream, so that no record can overtake its
/// assignment or come after its revoke.
#[derive(Debug)]
pub enum Delivery<R> {
    /// Partitions are held from now on.
    Assigned {
        /// Under this number.
        assignment: Assignment,
        /// These.
        partitions: Vec<i32>,
    },
    /// Records that were fetched.
    Records(Vec<Received<R>>),
    /// Partitions must be given up; nothing more of them comes.
    Revoked {
        /// These.
        partitions: Vec<i32>,
        /// Another member may have them already: there is nothing to wait for.
        are_lost: bool,
    },
}

/// What became of a record that was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotStored {
    /// It can never be stored.
    Never,
    /// It may be stored later.
    Later,
}

/// What happened.
#[derive(Debug)]
pub enum Event<R> {
    /// The fetcher's half handed something on.
    Delivered(Delivery<R>),
    /// A batch was written as far as it could be.
    Flushed {
        /// Its number.
        batch: u64,
        /// Its records.
        records: Vec<Received<R>>,
        /// Those that are not stored, by position, ascending.
        not_stored: Vec<(usize, NotStored)>,
        /// Why some must be tried again later, if any.
        why_later: Option<String>,
    },
    /// A dead letter was acknowledged, or not.
    LetterSent(Letter<R>, Result<(), LetterError>),
    /// The commit was acknowledged, or not.
    Committed(Result<(), String>),
    /// The group was asked for its committed offsets (next offset to read, or none) while these assignments were in
    /// force.
    SeenCommitted(Vec<(i32, Assignment, Option<i64>)>),
    /// A partition's low and high watermark.
    Watermarks {
        /// The partition.
        partition: i32,
        /// The first offset that is not deleted.
        low: i64,
        /// The next offset to be written.
        high: i64,
    },
    /// Release the brake.
    ReleaseBrake,
    /// Operators want nothing fetched; or everything again.
    Paused(bool),
    /// Finish what was received; receive nothing more.
    Stop,
}

/// What to do.
#[derive(Debug)]
pub enum Action<R> {
    /// Write these; [`Event::Flushed`] is the answer.
    Flush(Flush<R>),
    /// Send this; [`Event::LetterSent`] is the answer.
    SendLetter(Letter<R>),
    /// Commit these (partition and next offset to read); [`Event::Committed`] is the answer. One at a time.
    Commit(Vec<(i32, i64)>),
    /// Fetch this from now on.
    Fetch(Wish),
    /// The partitions that were revoked may be given up.
    GiveUp,
    /// These offsets, half-open, were deleted before the group could read them.
    ReportSkipped {
        /// Of this partition.
        partition: i32,
        /// From this offset on.
        from: i64,
        /// Up to this one, which is not among them.
        to: i64,
    },
}

/// What is known of one held partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionState {
    /// The partition.
    pub partition: i32,
    /// Records received and not committed.
    pub uncommitted: usize,
    /// The timestamp (ms) of the oldest of them.
    pub oldest_uncommitted_ms: Option<i64>,
    /// Fetching is paused, because it is too far ahead of what is committed.
    pub is_ahead: bool,
}
