//! The findings that are named, with what was sent and what is there: the first posts of each kind. All are counted.

use std::collections::BTreeMap;

use serde::Serialize;

/// Why a record must not be there although its client cannot know.
pub(crate) const BREAKS_RULE: &str = "it breaks a rule on purpose";

/// At most this many findings of each kind are named.
pub(crate) const NAMED_PER_KIND: usize = 10;

/// A post that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What is wrong.
    #[serde(rename = "fault")]
    pub(crate) kind: FindingKind,
    /// The post's number; null for a document that has none.
    pub(crate) n: Option<u64>,
    /// The id that the client got, if it got one and it matters here.
    #[serde(rename = "told", skip_serializing_if = "Option::is_none")]
    pub(crate) answered: Option<String>,
    /// The document's id, if there is a document and ids matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<String>,
    /// What differs between the two below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) differs: Option<String>,
    /// What the post said, as JSON; not there for a post that must not be stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sent: Option<String>,
    /// The document, the dead letter or the line of the audit log, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) there: Option<String>,
}

/// What is wrong with a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FindingKind {
    /// Accepted, but neither stored nor dead-lettered.
    Missing,
    /// One of two or more documents.
    Duplicated,
    /// Stored or dead-lettered, but not as it was sent.
    Changed,
    /// Stored although rejected or never sent.
    NotAccepted,
    /// Stored, but not under the id that the client got.
    OtherId,
    /// A document of the run without the number of a post.
    NoNumber,
    /// A document in a store of the run's own that nobody sent in the run.
    NotOfTheRun,
    /// Dead-lettered, although it is valid.
    DeadLettered,
    /// The document of its key is an earlier state than the last record's.
    Stale,
    /// It was appended after a record of its key that was sent later.
    OutOfOrder,
    /// It was seen after a newer state of its key.
    OlderSeen,
    /// The request that starts with it was answered, but has no line in the audit log.
    NotAudited,
    /// The audit log has accepted records of a request that was rejected, or a line of one that was never sent.
    AuditedOnly,
    /// The audit log has other counts than the answer, or a second line of the request.
    AuditedOtherwise,
    /// A line of the audit log that cannot be read.
    AuditUnreadable,
}

impl Finding {
    /// A finding about post `n`, of which nothing more is known.
    pub(crate) fn of(kind: FindingKind, n: Option<u64>) -> Self {
        Self { kind, n, answered: None, stored: None, differs: None, sent: None, there: None }
    }
}

/// The first findings of each kind, by number.
#[derive(Debug, Default)]
pub(crate) struct NamedFindings {
    /// Posts that are stored twice are named twice, in the order in which they were found.
    by_kind: BTreeMap<FindingKind, BTreeMap<(Option<u64>, usize), Finding>>,
    added: usize,
}

impl NamedFindings {
    /// Adds a finding about post `n` if it is among the first; only then it is made.
    pub(crate) fn add(&mut self, kind: FindingKind, n: Option<u64>, finding: impl FnOnce() -> Finding) {
        let named = self.by_kind.entry(kind).or_default();
        let place = (n, self.added);
        if named.len() == NAMED_PER_KIND && named.last_key_value().is_some_and(|(last, _)| *last < place) {
            return;
        }
        named.insert(place, finding());
        self.added += 1;
        if named.len() > NAMED_PER_KIND {
            named.pop_last();
        }
    }

    /// Adds all of these.
    pub(crate) fn merge(&mut self, other: NamedFindings) {
        for finding in other.into_list() {
            self.add(finding.kind, finding.n, || finding);
        }
    }

    /// All of them, by kind and number.
    pub(crate) fn into_list(self) -> Vec<Finding> {
        self.by_kind.into_values().flat_map(BTreeMap::into_values).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_kind_are_named_whatever_the_order() {
        let mut named = NamedFindings::default();
        for n in [40, 3, 7, 90, 1, 80, 2, 60, 50, 30, 20, 10, 5, 5] {
            named.add(FindingKind::Missing, Some(n), || Finding::of(FindingKind::Missing, Some(n)));
        }
        named.add(FindingKind::Missing, Some(41), || unreachable!("it is not among the first, so it is not made"));
        named.add(FindingKind::NoNumber, None, || Finding::of(FindingKind::NoNumber, None));
        let numbers: Vec<Option<u64>> = named.into_list().into_iter().map(|finding| finding.n).collect();
        let expected = [1, 2, 3, 5, 5, 7, 10, 20, 30, 40].map(Some);
        assert_eq!(numbers, expected.into_iter().chain([None]).collect::<Vec<_>>());
    }
}
