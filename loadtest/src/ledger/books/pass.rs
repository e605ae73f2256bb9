//! The passes over what a run left behind: the first enters everything into the books; more, where the books do not
//! balance, name the records with findings.

use std::io;

use super::examination::Examination;
use super::{Counts, Ledger};
use crate::ledger::accepted_ids::FinishedLog;
use crate::ledger::named::NamedFindings;

/// A pass in progress.
#[derive(Debug)]
pub(crate) enum Pass {
    /// Enters everything into the books.
    Entry(Ledger),
    /// Names the records with findings.
    Closer(Examination),
}

impl Pass {
    /// Ends it. Returns whether another pass is needed, which this is from now on.
    ///
    /// # Errors
    /// When the accepted ids cannot be read.
    pub(crate) fn needs_another(&mut self, accepted: &FinishedLog) -> io::Result<bool> {
        if let Pass::Entry(ledger) = self {
            if ledger.balances() {
                return Ok(false);
            }
            *self = Pass::Closer(Examination::begin(std::mem::take(ledger), accepted.entries()?)?);
        }
        let Pass::Closer(examination) = self else { return Ok(false) };
        let has_next = examination.next_round();
        if has_next {
            for entry in accepted.entries()? {
                let (n, id) = entry?;
                examination.recall(n, id);
            }
        }
        Ok(has_next)
    }

    /// The counts and the findings, once no other pass is needed.
    pub(crate) fn finish(self) -> (Counts, NamedFindings) {
        match self {
            Pass::Entry(ledger) => (ledger.counts(0), NamedFindings::default()),
            Pass::Closer(examination) => examination.finish(),
        }
    }
}
