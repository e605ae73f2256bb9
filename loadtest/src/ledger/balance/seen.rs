//! Where a record is, and what was found of it.

/// The place of a record; topics by their position in the caller's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) topic: u16,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// The document or the dead letter of a record; if there are several, the last of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seen {
    Nothing,
    AsSent,
    /// A tombstone in the place of the document.
    Erased,
    /// A document that is as it was sent but for its date.
    OtherDate,
    Otherwise,
}
