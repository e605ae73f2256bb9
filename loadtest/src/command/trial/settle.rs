//! The end of a trial's books: they are compared with all that is there.

use std::sync::Arc;

use anyhow::Context;
use service::status::figures::grouped;

use super::Trial;
use crate::ledger::audit_book::Audited;
use crate::ledger::books::Counts;
use crate::ledger::reconcile::Reconciled;
use crate::ledger::states::older::OlderStates;
use crate::load::recorder::Recorded;
use crate::load::share::RunShare;
use crate::pipeline::counted::{Counted, LedgerTotals, StateTotals};
use crate::pipeline::news::{self, News};
use crate::pipeline::reconcile::{Places, reconcile};
use crate::pipeline::states::{self, StatePlaces};
use crate::report::share;

/// What the books of a trial show at its end.
pub(crate) struct Settled {
    /// What the answers alone show.
    pub(crate) answered: Counts,
    /// The ledger compared with what is there; `None` where the store was not read.
    pub(crate) reconciled: Option<Reconciled>,
    /// The audit log compared with the answers, if it was.
    pub(crate) audited: Option<Audited>,
    /// What the services counted that cannot be, in sentences.
    pub(crate) differences: Vec<String>,
}

impl Trial {
    /// Compares the ledger with the store, the dead letters and what the services have counted, once nothing is sent
    /// and nothing is written any more; `kills` is how often the producer may have been killed. A part of a run only
    /// leaves its ledger for the merge.
    pub(crate) async fn settle(
        self,
        counted: Option<Counted>,
        kills: u64,
        older: Option<&OlderStates>,
    ) -> anyhow::Result<Settled> {
        let Self { recorder, audit_logs, plan, strictness, share, directory, store, kafka, start, names, .. } = self;
        let is_own_kafka = self.is_own_kafka;
        let recorder = Arc::into_inner(recorder).context("the generator still holds the ledger after its end")?;
        let Recorded { ledger, accepted_ids, audit } = recorder.finish()?;
        let answered = ledger.counts(0);
        if share != RunShare::WHOLE {
            share::save_ledger(&ledger, &directory)?;
            return Ok(Settled { answered, reconciled: None, audited: None, differences: Vec::new() });
        }
        let audited = match audit_logs.zip(audit) {
            Some((logs, book)) => Some(logs.compare(book, kills).await?),
            None => None,
        };
        let reconciled = match &store {
            Some(store) => {
                let (accepted, kind) = (grouped(answered.accepted), plan.kind.name());
                let takes = "which takes some 60 µs for each document on FerretDB";
                news::tell(News::Status(format!("reconciling {accepted} accepted {kind}s, {takes}")));
                let dead_letter_topic = names.dead_letter_topic.as_str();
                Some(match kafka.as_ref().filter(|_| plan.is_of_states()) {
                    Some(kafka) => {
                        let topic = names.topic.as_str();
                        let places = StatePlaces { plan, store, kafka, topic, dead_letter_topic, start: &start };
                        states::reconcile(ledger, &accepted_ids, places, strictness, older).await?
                    }
                    None => {
                        let dead_letters = kafka.as_ref().map(|kafka| (kafka, dead_letter_topic));
                        let places = Places { plan, store, dead_letters };
                        reconcile(ledger, &accepted_ids, places, strictness).await?
                    }
                })
            }
            None => None,
        };
        let of_own_store = reconciled.as_ref().filter(|_| strictness.is_own_store);
        let totals = LedgerTotals {
            accepted: answered.accepted,
            unknown: answered.unknown,
            are_repeated: plan.sends_repeatedly(),
            documents: of_own_store.filter(|found| found.records.is_none()).map(|found| found.documents),
            states: of_own_store.and_then(|found| {
                let keys = found.counts.states?.keys;
                Some(StateTotals { records: found.records?, keys, is_own_topic: is_own_kafka })
            }),
            letters: reconciled.as_ref().filter(|_| is_own_kafka).map(|found| found.letters),
        };
        let differences = counted.map(|counted| counted.differences(&totals)).unwrap_or_default();
        if reconciled.as_ref().is_none_or(|reconciled| reconciled.findings.is_empty()) {
            accepted_ids.remove().context("cannot remove the accepted ids")?;
        }
        Ok(Settled { answered, reconciled, audited, differences })
    }
}
