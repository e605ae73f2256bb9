//! What became of documents that a write did not newly store.

use contract::dead_letter::Reason;
use contract::decode::RecordError;

use crate::classify::Judgement;

/// What became of a document that was not newly stored.
#[derive(Debug)]
pub(crate) enum NotWritten {
    /// It is already stored, or for a kind with one document for each key, something as new.
    Already,
    /// The same, but it is newer by its time although it stands at an earlier offset, see
    /// [`is_set_back`](super::guard::is_set_back).
    SetBack,
    /// Its record was erased, and a tombstone keeps it out.
    Erased,
    /// It can never be stored.
    Refused(RecordError),
    /// It may be stored later; this is why not now.
    NotNow(String),
}

impl NotWritten {
    /// It can never be stored, in the store's own words.
    pub(super) fn refused(reason: Reason, message: String) -> Self {
        NotWritten::Refused(RecordError { reason, message })
    }
}

/// Returns the duplicates with MongoDB's own words; what became of the others is clear.
pub(super) fn set_duplicates_apart(
    failures: impl IntoIterator<Item = (usize, Judgement)>,
    not_written: &mut Vec<(usize, NotWritten)>,
) -> Vec<(usize, String)> {
    let mut duplicates = Vec::new();
    for (index, judgement) in failures {
        match judgement {
            Judgement::Duplicate(message) => duplicates.push((index, message)),
            Judgement::Document(message) => not_written.push((index, NotWritten::refused(Reason::Refused, message))),
            Judgement::Transient(reason) => not_written.push((index, NotWritten::NotNow(reason))),
        }
    }
    duplicates
}
