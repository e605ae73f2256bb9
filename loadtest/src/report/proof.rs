//! What became of the accepted posts of many probes, or of a trial: every one of them is looked for, however many they
//! are, and judged exactly as a run is. A pass over the store takes some 60 µs a document on FerretDB.

use serde::Serialize;
use service::status::figures::grouped;

use crate::ledger::books::Counts;
use crate::ledger::named::Finding;
use crate::ledger::reconcile::Reconciled;
use crate::report::table;
use crate::report::threshold::{ThresholdVerdict, judge_ledger};

/// The findings that the text shows.
const SHOWN: usize = 5;

/// How the posts were found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// Each post was looked for in the store, and compared with what was sent.
    Reconciled,
    /// Not at all: the store cannot be reached.
    None,
}

/// The balance of all posts; null where it is not known.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Proof {
    pub(crate) method: Method,
    pub(crate) accepted: u64,
    pub(crate) stored: Option<u64>,
    pub(crate) dead_lettered: Option<u64>,
    pub(crate) missing: Option<u64>,
    /// Documents beyond the first of each post.
    pub(crate) duplicated: Option<u64>,
    /// Stored, but not as it was sent.
    pub(crate) changed: Option<u64>,
    /// Stored although rejected, never sent, or under another id.
    pub(crate) unexpected: Option<u64>,
    /// Records that the consumer had not finished at the end; null if Kafka cannot be reached.
    pub(crate) lag_left: Option<u64>,
    /// The first findings of each kind, with what was sent and what is there.
    pub(crate) findings: Vec<Finding>,
    /// Whether the last record of a key is its document.
    #[serde(skip)]
    is_of_states: bool,
    /// What does not hold of all that must hold for every run.
    #[serde(skip)]
    broken: Vec<ThresholdVerdict>,
}

impl Proof {
    /// From what the answers alone show, the ledger if the store was read, and the lag at the end.
    pub(crate) fn of(answered: &Counts, reconciled: Option<Reconciled>, lag_left: Option<u64>) -> Self {
        let (counts, findings) = reconciled.map(|reconciled| (reconciled.counts, reconciled.findings)).unzip();
        let count = |count: fn(Counts) -> u64| counts.map(count);
        let verdicts = judge_ledger(answered.accepted, counts, lag_left);
        Self {
            method: if counts.is_some() { Method::Reconciled } else { Method::None },
            accepted: answered.accepted,
            stored: count(|counts| counts.stored),
            dead_lettered: count(|counts| counts.dead_lettered),
            missing: count(|counts| counts.missing),
            duplicated: count(|counts| counts.duplicated),
            changed: count(|counts| counts.changed),
            unexpected: count(|counts| counts.unexpected),
            lag_left,
            is_of_states: counts.is_some_and(|counts| counts.states.is_some()),
            findings: findings.unwrap_or_default(),
            broken: verdicts.into_iter().filter(|verdict| !verdict.holds).collect(),
        }
    }

    /// Whether nothing is known to be wrong.
    pub(crate) fn holds(&self) -> bool {
        self.broken.is_empty()
    }

    /// What is wrong, such as `missing==0 (3)`; nothing if all is well.
    pub(crate) fn wrong(&self) -> Option<String> {
        let broken = |verdict: &ThresholdVerdict| format!("{} ({})", verdict.threshold, grouped(verdict.value as u64));
        (!self.holds()).then(|| self.broken.iter().map(broken).collect::<Vec<_>>().join(", "))
    }

    /// One line.
    pub(crate) fn line(&self) -> String {
        let (accepted, stored) = (grouped(self.accepted), self.stored.map(grouped));
        let wrong = self.wrong().map(|wrong| format!("NOT {wrong}"));
        match (stored, wrong) {
            (Some(stored), None) if self.is_of_states => {
                format!("{accepted} accepted and in the topic, {stored} keys stored as their last record says")
            }
            (Some(stored), None) => {
                format!("{accepted} accepted, {stored} stored as they were sent (looked for one by one)")
            }
            (Some(stored), Some(wrong)) => format!("{accepted} accepted, {stored} stored, {wrong}"),
            (None, None) => format!("{accepted} posts accepted; whether they are stored is not known"),
            (None, Some(wrong)) => format!("{accepted} posts accepted, {wrong}; whether they are stored is not known"),
        }
    }
}

/// The first findings, for people.
pub(crate) fn first_findings<'a>(findings: impl Iterator<Item = &'a Finding>) -> String {
    let shown: String = findings.take(SHOWN).map(table::finding).collect();
    if shown.is_empty() { shown } else { format!("\n  the first findings:\n{shown}") }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn reconciled(counts: Counts) -> Reconciled {
        let (findings, compared) = (Vec::new(), String::new());
        Reconciled {
            counts,
            findings,
            ids_compared: true,
            compared,
            documents: counts.stored,
            letters: 0,
            records: None,
        }
    }

    #[test]
    fn all_that_fails_a_run_breaks_a_proof() {
        let well =
            Counts { accepted: 1_234, stored: 1_236, unknown: 2, unknown_stored: 2, replayed: 1, ..Counts::default() };
        let proof = Proof::of(&well, Some(reconciled(well)), Some(0));
        assert!(proof.holds() && proof.wrong().is_none(), "{proof:?}");
        assert_eq!(proof.line(), "1,234 accepted, 1,236 stored as they were sent (looked for one by one)");
        for (counts, lag_left, wrong) in [
            (Counts { missing: 3, ..well }, Some(0), "missing==0 (3)"),
            (Counts { duplicated: 1, changed: 2, ..well }, Some(0), "duplicated==0 (1), changed==0 (2)"),
            (Counts { unexpected: 1, ..well }, None, "unexpected==0 (1)"),
            (Counts { dead_lettered: 5, ..well }, None, "dead_lettered==0 (5)"),
            (well, Some(1_000), "lag_left==0 (1,000)"),
            (Counts::default(), None, "accepted>0 (0)"),
        ] {
            let proof = Proof::of(&counts, Some(reconciled(counts)), lag_left);
            assert_eq!(proof.wrong().as_deref(), Some(wrong));
            assert!(!proof.holds() && proof.line().contains(&format!(" stored, NOT {wrong}")), "{}", proof.line());
        }
    }

    #[test]
    fn a_proof_without_a_store_says_so() {
        let answered = Counts { accepted: 1_234, ..Counts::default() };
        let proof = Proof::of(&answered, None, Some(0));
        assert_eq!(proof.line(), "1,234 posts accepted; whether they are stored is not known");
        assert!(proof.holds() && proof.method == Method::None && proof.missing.is_none());
        let late = Proof::of(&answered, None, Some(7));
        assert!(!late.holds() && late.line().contains("NOT lag_left==0 (7)"), "{}", late.line());
    }
}
