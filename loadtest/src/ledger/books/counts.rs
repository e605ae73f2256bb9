//! A ledger in numbers.

use serde::Serialize;

/// The ledger in numbers of posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Answered 2xx.
    pub(crate) accepted: u64,
    /// Answered 4xx.
    pub(crate) rejected: u64,
    /// Sent, but answered otherwise or not at all.
    pub(crate) unknown: u64,
    /// Those of the unknown posts that are stored, which is fine.
    pub(crate) unknown_stored: u64,
    /// Stored at least once, whatever the client got.
    pub(crate) stored: u64,
    /// Accepted, but neither stored nor dead-lettered.
    pub(crate) missing: u64,
    /// Stored in two or more documents.
    pub(crate) duplicated: u64,
    /// Stored although rejected or never sent, stored under another id than the client got, or under no number.
    pub(crate) unexpected: u64,
    /// Stored or dead-lettered, but not as it was sent.
    pub(crate) changed: u64,
    /// Dead-lettered and not stored, whatever the client got.
    pub(crate) dead_lettered: u64,
    /// Dead-lettered and stored, which is what a replay does.
    pub(crate) replayed: u64,
    /// More about a kind whose last record of a key is its document.
    #[serde(skip)]
    pub(crate) states: Option<StateCounts>,
}

/// What only a kind has whose last record of a key is its document. Where it is counted, `stored` is the number of
/// documents, `unknown_stored` that of the unknown records in the topic, and `missing` has accepted records that are
/// not in the topic as well as keys without a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct StateCounts {
    /// Records of the run in the topic, each number once.
    pub(crate) in_topic: u64,
    /// Keys with a record that can be stored.
    pub(crate) keys: u64,
    /// Records that can be stored and that a later one of their key replaces.
    pub(crate) superseded: u64,
    /// Records with an unknown request that were appended after later ones of their key.
    pub(crate) overtaken: u64,
    /// Further copies of records in the topic: of those that were sent again, and of those near an unknown request.
    pub(crate) appended_again: u64,
    /// Documents that are an earlier state than the last one.
    pub(crate) stale: u64,
    /// Accepted records that were appended after later ones of their key, and any in another partition than the first
    /// one of their key.
    pub(crate) out_of_order: u64,
    /// How often somebody who looked saw an older state after a newer one; `None` where nobody looked.
    pub(crate) older_seen: Option<u64>,
}
