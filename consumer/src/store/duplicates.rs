//! Whether a document that was refused as a duplicate is already stored. Pure.
//!
//! A duplicate key shows only that a document with the same value in some unique index was there at that moment: the
//! same post, another post under the same id, a tombstone, or another post in another index. So the store is asked what
//! is there; what is not there is inserted once more, because the other document may be gone by now. The evidence is
//! then seen twice, before and after that insert, so no change in between can make a post look stored that is not.

use std::collections::HashMap;

use bson::{RawBsonRef, RawDocument, RawDocumentBuf};
use contract::{PostId, Tombstone, document};

/// The field that two records of one post may differ in: each has the time at which it was appended to the topic.
const CREATED_AT: &str = "createdAt";

/// What was found out about the documents of an insert, after it refused them as duplicates.
#[derive(Debug)]
pub(super) enum Evidence {
    /// Those that are stored under their ids; the others are not.
    ReadBack(HashMap<PostId, RawDocumentBuf>),
    /// `_id` is the only unique index.
    OnlyIdIsUnique,
}

/// What becomes of a document that was refused as a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is stored.
    Stored,
    /// A tombstone is stored under its id.
    Erased,
    /// Another document is stored under its id.
    OtherContent,
    /// It is not stored, because of another document in another unique index.
    OtherDocument,
    /// It must be inserted again, and judged again if it is refused again.
    InsertAgain,
    /// What was seen is contradictory; later it may not be.
    Undecided,
}

/// Judges a document by what is known now and, if it was inserted again, by what was known before that.
pub(super) fn judge(document: &RawDocument, before: Option<&Evidence>, now: &Evidence) -> Verdict {
    if let Evidence::ReadBack(found) = now
        && let Some(stored) = id(document).and_then(|id| found.get(&id))
    {
        return match stored {
            _ if is_same(document, stored) => Verdict::Stored,
            _ if Tombstone::read(stored).is_some() => Verdict::Erased,
            _ => Verdict::OtherContent,
        };
    }
    match (before, now) {
        (None, _) => Verdict::InsertAgain,
        (Some(Evidence::ReadBack(_)), Evidence::ReadBack(_)) => Verdict::OtherDocument,
        (Some(Evidence::OnlyIdIsUnique), Evidence::OnlyIdIsUnique) => Verdict::Stored,
        (Some(_), _) => Verdict::Undecided,
    }
}

/// The id of a document, if it is a post's.
pub(super) fn id(document: &RawDocument) -> Option<PostId> {
    document::decode_id(document.get(document::ID_FIELD).ok()??)
}

/// Whether two documents have the same fields with the same values, apart from their dates.
fn is_same(sent: &RawDocument, stored: &RawDocument) -> bool {
    let (Some(sent), Some(stored)) = (fields(sent), fields(stored)) else { return false };
    sent.len() == stored.len()
        && sent.iter().all(|(name, value)| {
            let same = stored.iter().find(|(other, _)| other == name);
            same.is_some_and(|(_, other)| is_same_value(*value, *other))
        })
}

/// The fields of a document except its date; `None` if it is not valid BSON.
fn fields(document: &RawDocument) -> Option<Vec<(&str, RawBsonRef<'_>)>> {
    let fields = document.iter().map(|field| field.map(|(name, value)| (name.as_str(), value)));
    fields.filter(|field| !matches!(field, Ok((CREATED_AT, _)))).collect::<Result<_, _>>().ok()
}

/// Compared by bytes: `0.0` is not `-0.0`, and NaN equals itself.
fn is_same_value(one: RawBsonRef<'_>, other: RawBsonRef<'_>) -> bool {
    match (one, other) {
        (RawBsonRef::Double(one), RawBsonRef::Double(other)) => one.to_bits() == other.to_bits(),
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests;
