//! How records are written.

/// How the records of a kind become documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Write {
    /// Each record becomes a document of its own; the order of records does not matter.
    Insert,
    /// The last record of a key is its document, in the order in which the topic has them.
    Upsert,
}
