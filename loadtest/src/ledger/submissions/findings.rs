//! What is wrong: how much of each sort, and the first of them by name.

use std::collections::BTreeMap;

use serde::Serialize;

/// The most findings that are named.
const MOST_NAMED: usize = 100;

/// The longest text in a finding, in characters.
const MOST_CHARS: usize = 200;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FindingKind {
    /// It was accepted, and is not in the database.
    Missing,
    /// It is there under two ids, or two submissions got one.
    Duplicated,
    /// It does not say what was sent, or its answer did not.
    Changed,
    /// It was never sent, or was rejected.
    Unexpected,
    /// It is not in a final status.
    Unfinished,
    /// It is in another final status, or FAILED for another reason, than the rule and what was asked for lead to.
    WrongEnd,
    /// Its attempts were used up.
    GivenUp,
    /// Attempts or series do not add up.
    Miscounted,
    /// A time is missing, or comes before an earlier one.
    Disordered,
    /// A later look shows what cannot follow an earlier one.
    IllegalStep,
    /// It breaks a rule of the API, and was accepted.
    InvalidAccepted,
}

impl FindingKind {
    /// All of them.
    pub(crate) const ALL: [FindingKind; 11] = [
        FindingKind::Missing,
        FindingKind::Duplicated,
        FindingKind::Changed,
        FindingKind::Unexpected,
        FindingKind::Unfinished,
        FindingKind::WrongEnd,
        FindingKind::GivenUp,
        FindingKind::Miscounted,
        FindingKind::Disordered,
        FindingKind::IllegalStep,
        FindingKind::InvalidAccepted,
    ];

    /// Its name in reports and thresholds.
    pub(crate) fn name(self) -> &'static str {
        match self {
            FindingKind::Missing => "missing",
            FindingKind::Duplicated => "duplicated",
            FindingKind::Changed => "changed",
            FindingKind::Unexpected => "unexpected",
            FindingKind::Unfinished => "unfinished",
            FindingKind::WrongEnd => "wrong_end",
            FindingKind::GivenUp => "given_up",
            FindingKind::Miscounted => "miscounted",
            FindingKind::Disordered => "disordered",
            FindingKind::IllegalStep => "illegal_step",
            FindingKind::InvalidAccepted => "invalid_accepted",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) kind: FindingKind,
    /// The number of the submission, if it is known.
    pub(crate) n: Option<u64>,
    /// What was expected and what was found.
    pub(crate) what: String,
}

/// All that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    counts: BTreeMap<FindingKind, u64>,
    named: Vec<Finding>,
}

impl Findings {
    /// This is wrong.
    pub(crate) fn add(&mut self, kind: FindingKind, n: Option<u64>, what: impl Into<String>) {
        *self.counts.entry(kind).or_default() += 1;
        if self.named.len() < MOST_NAMED {
            let what: String = what.into().chars().take(MOST_CHARS).collect();
            self.named.push(Finding { kind, n, what });
        }
    }

    /// How many are of this kind.
    pub(crate) fn count(&self, kind: FindingKind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// The first of them.
    pub(crate) fn named(&self) -> &[Finding] {
        &self.named
    }

    /// Adds what others have found.
    pub(crate) fn merge(&mut self, other: Findings) {
        for (kind, count) in other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        self.named.extend(other.named);
        self.named.truncate(MOST_NAMED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_are_named() {
        let mut findings = Findings::default();
        let mut others = Findings::default();
        for n in 0..150 {
            findings.add(FindingKind::Missing, Some(n), "x".repeat(1_000));
            others.add(FindingKind::Changed, None, "y");
        }
        findings.merge(others);
        assert_eq!(FindingKind::ALL.map(|kind| findings.count(kind))[..3], [150, 0, 150]);
        assert_eq!((findings.named().len(), findings.named()[99].what.len()), (100, 200));
    }

    #[test]
    fn every_kind_has_a_name_of_its_own_which_reports_use() {
        for (number, kind) in FindingKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
