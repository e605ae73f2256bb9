//! Finds out what became of the accepted posts of all probes together.

use std::sync::Arc;

use anyhow::Context;
use service::status::figures::grouped;

use crate::command::trial::Trial;
use crate::pipeline::counted::Counted;
use crate::pipeline::reconcile::reconcile;
use crate::report::find_max::proof::{Proof, RECONCILED};

/// Balances the ledger of a trial. `counted` is what its services counted until their end, if they served nobody
/// else.
pub(crate) async fn prove(trial: Trial, is_ours: bool, counted: Option<Counted>) -> anyhow::Result<Proof> {
    let Trial { run, store, kafka, names, recorder, .. } = trial;
    let recorder = Arc::into_inner(recorder).context("the generator still holds the ledger after its end")?;
    let (ledger, accepted_ids) = recorder.finish()?;
    let answered = ledger.counts(0);
    let proof = match (store, counted) {
        (Some(store), _) if answered.accepted <= RECONCILED => {
            eprintln!("reconciling {} accepted posts", grouped(answered.accepted));
            let dead_letters = kafka.as_ref().map(|kafka| (kafka, names.dead_letter_topic.as_str()));
            let reconciled = reconcile(ledger, &accepted_ids, run, &store, dead_letters, !is_ours).await?;
            Proof::reconciled(&reconciled.counts)
        }
        (_, Some(counted)) => Proof::counted(&answered, &counted),
        (Some(store), _) => Proof::in_store(&answered, store.count(run).await?),
        (None, _) => Proof::unknown(&answered),
    };
    if proof.holds() {
        accepted_ids.remove().context("cannot remove the accepted ids")?;
    }
    Ok(proof)
}
