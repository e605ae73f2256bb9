//! Compares the documents and dead letters of a run with what its clients were answered. The caller reads the store and
//! hands in its documents, pass by pass: one pass is enough if the books balance; otherwise a closer look follows.

use std::io;

use contract::PostId;

use super::accepted_ids::FinishedLog;
use super::books::examination::{Examination, Finding};
use super::books::{Counts, Ledger};

/// The result.
pub(crate) struct Reconciled {
    /// The ledger in numbers.
    pub(crate) counts: Counts,
    /// The first findings.
    pub(crate) findings: Vec<Finding>,
    /// Whether every document's id was compared with the one that the client got.
    pub(crate) ids_compared: bool,
}

/// A reconciliation in progress.
pub(crate) struct Reconciliation {
    pass: Pass,
    may_lack_ids: bool,
    ids_compared: bool,
}

/// The purpose of a pass over the documents.
enum Pass {
    /// Enters everything into the books.
    Entry(Ledger),
    /// Names the posts with findings.
    Closer(Examination),
}

impl Reconciliation {
    /// Starts with what the clients were answered. Another pipeline (`may_lack_ids`) need not use our ids: if its
    /// answers or its documents have none at all, the posts' numbers alone decide.
    pub(crate) fn begin(ledger: Ledger, may_lack_ids: bool) -> Self {
        Self { pass: Pass::Entry(ledger), may_lack_ids, ids_compared: true }
    }

    /// Documents of the run: each one's post number and id.
    pub(crate) fn stored(&mut self, documents: impl IntoIterator<Item = (u64, PostId)>) {
        for (n, id) in documents {
            match &mut self.pass {
                Pass::Entry(ledger) => ledger.stored(n, id),
                Pass::Closer(examination) => examination.document(n, id),
            }
        }
    }

    /// The numbers of the run's posts that are dead letters, in the first pass. A dead letter may be written twice,
    /// which does not matter, because the ledger counts posts.
    pub(crate) fn dead_lettered(&mut self, numbers: impl IntoIterator<Item = u64>) {
        if let Pass::Entry(ledger) = &mut self.pass {
            numbers.into_iter().for_each(|n| ledger.dead_lettered(n));
        }
    }

    /// Ends a pass over all documents. Returns whether another pass is needed.
    ///
    /// # Errors
    /// When the accepted ids cannot be read.
    pub(crate) fn needs_another_pass(&mut self, accepted: &FinishedLog) -> io::Result<bool> {
        if let Pass::Entry(ledger) = &mut self.pass {
            self.ids_compared = !self.may_lack_ids || ledger.has_ids();
            if !self.ids_compared {
                ledger.ignore_ids();
            }
            if ledger.balances() {
                return Ok(false);
            }
            self.pass = Pass::Closer(Examination::begin(std::mem::take(ledger), accepted.entries()?)?);
        }
        let Pass::Closer(examination) = &mut self.pass else { return Ok(false) };
        let has_next = examination.next_round();
        if has_next {
            for entry in accepted.entries()? {
                let (n, id) = entry?;
                examination.recall(n, id);
            }
        }
        Ok(has_next)
    }

    /// The result, once no other pass is needed.
    pub(crate) fn finish(self) -> Reconciled {
        let (counts, findings) = match self.pass {
            Pass::Entry(ledger) => (ledger.counts(0), Vec::new()),
            Pass::Closer(examination) => examination.finish(),
        };
        Reconciled { counts, findings, ids_compared: self.ids_compared }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::accepted_ids::{ACCEPTED_IDS, AcceptedLog};
    use crate::ledger::books::Reply;
    use crate::ledger::books::examination::FindingKind;

    /// Reconciles a run in which these posts were accepted. Also returns the number of passes.
    fn reconcile(
        accepted: &[(u64, PostId)],
        stored: &[(u64, PostId)],
        dead_lettered: &[u64],
        may_lack_ids: bool,
    ) -> (Reconciled, u32) {
        let folder = tempfile::tempdir().unwrap();
        let mut log = AcceptedLog::create(&folder.path().join(ACCEPTED_IDS)).unwrap();
        let mut ledger = Ledger::default();
        for (n, id) in accepted {
            log.add(*n, *id).unwrap();
            ledger.answered(*n, Reply::Accepted(*id));
        }
        let log = log.finish().unwrap();
        let mut reconciliation = Reconciliation::begin(ledger, may_lack_ids);
        let mut passes = 0;
        loop {
            passes += 1;
            reconciliation.stored(stored.iter().copied());
            reconciliation.dead_lettered(dead_lettered.iter().copied());
            if !reconciliation.needs_another_pass(&log).unwrap() {
                return (reconciliation.finish(), passes);
            }
        }
    }

    fn posts(count: u64) -> Vec<(u64, PostId)> {
        (0..count).map(|n| (n, PostId::fresh())).collect()
    }

    #[test]
    fn one_pass_is_enough_if_every_post_is_stored_or_dead_lettered() {
        let accepted = posts(9);
        let (reconciled, passes) = reconcile(&accepted, &accepted[..8], &[8, 8], false);
        assert_eq!((reconciled.counts.stored, reconciled.counts.dead_lettered, passes), (8, 1, 1));
        assert!(reconciled.findings.is_empty() && reconciled.ids_compared);
    }

    #[test]
    fn findings_are_named() {
        let accepted = posts(4);
        // The first is missing, the second duplicated, the third has another id, and one was never sent.
        let stored = [accepted[1], accepted[1], (2, PostId::fresh()), accepted[3], (4, PostId::fresh())];
        let (Reconciled { counts, findings, .. }, passes) = reconcile(&accepted, &stored, &[], false);
        assert_eq!((counts.missing, counts.duplicated, counts.unexpected, passes), (1, 1, 2, 2));
        for (n, kind) in [(0, FindingKind::Missing), (1, FindingKind::Duplicated), (2, FindingKind::OtherId)] {
            assert!(findings.iter().any(|finding| (finding.n, finding.kind) == (n, kind)), "{n}: {findings:?}");
        }
    }

    #[test]
    fn a_pipeline_without_our_ids_is_judged_by_numbers() {
        let accepted: Vec<(u64, PostId)> = (0..3).map(|n| (n, uuid::Uuid::nil().into())).collect();
        let (reconciled, passes) = reconcile(&accepted, &posts(3), &[], true);
        assert!(!reconciled.ids_compared && reconciled.findings.is_empty() && passes == 1);
        assert!(reconcile(&accepted, &posts(3), &[], false).0.counts.unexpected > 0, "our own pipeline must have ids");
    }
}
