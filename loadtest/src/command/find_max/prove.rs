//! Finds out what became of the accepted posts of all probes together.

use crate::command::trial::{Settled, Trial};
use crate::pipeline::counted::Counted;
use crate::report::find_max::proof::Proof;

/// Balances the ledger of a trial, and adds what the services counted wrongly to the faults.
pub(crate) async fn prove(
    trial: Trial,
    counted: Option<Counted>,
    are_repeated: bool,
    faults: &mut Vec<String>,
) -> anyhow::Result<Proof> {
    let Settled { answered, reconciled, differences } = trial.settle(counted, are_repeated).await?;
    faults.extend(differences);
    Ok(reconciled.map_or_else(|| Proof::unknown(&answered), |reconciled| Proof::reconciled(&reconciled.counts)))
}
