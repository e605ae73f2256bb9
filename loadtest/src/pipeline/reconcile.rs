//! Reads the store and the dead letters of a run for its [reconciliation](crate::ledger::reconcile): one pass over
//! each, and more passes over the store only where the ledger does not balance.

use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use kafka::topics::Reader;
use tokio::task::spawn_blocking;

use super::store::StoreReader;
use super::topic;
use crate::ledger::accepted_ids::FinishedLog;
use crate::ledger::books::Ledger;
use crate::ledger::post::RunId;
use crate::ledger::reconcile::{Reconciled, Reconciliation};

/// Balances a run; `may_lack_ids` as in [`Reconciliation::begin`].
pub(crate) async fn reconcile(
    ledger: Ledger,
    accepted: &FinishedLog,
    run: RunId,
    store: &StoreReader,
    dead_letters: Option<(&Arc<Reader>, &str)>,
    may_lack_ids: bool,
) -> anyhow::Result<Reconciled> {
    let mut reconciliation = Reconciliation::begin(ledger, may_lack_ids);
    store.documents(run, |page| reconciliation.stored(page)).await?;
    if let Some((kafka, topic)) = dead_letters {
        reconciliation.dead_lettered(dead_lettered(kafka, topic, run).await?);
    }
    while reconciliation.needs_another_pass(accepted).context("cannot read the accepted ids beside the report")? {
        store.documents(run, |page| reconciliation.stored(page)).await?;
    }
    Ok(reconciliation.finish())
}

/// The numbers of the run's posts that are dead letters.
async fn dead_lettered(kafka: &Arc<Reader>, topic: &str, run: RunId) -> anyhow::Result<Vec<u64>> {
    let (kafka, dead_letters) = (Arc::clone(kafka), topic.to_owned());
    let scan = move || {
        let mut numbers = Vec::new();
        topic::scan(&kafka, &dead_letters, |record| {
            numbers.extend(record.value().and_then(|value| run.number_in_record(value)));
            ControlFlow::<()>::Continue(())
        })?;
        Ok(numbers)
    };
    spawn_blocking(scan).await.context("reading the dead letters failed")?
}
