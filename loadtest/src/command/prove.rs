//! The end of a trial that has no report of its own: all probes of `find-max` together, or one trial of `tune`. What
//! fails a run fails it too.

use std::sync::Arc;

use crate::command::trial::settle::Settled;
use crate::command::trial::{Trial, stop_services};
use crate::load::generator::wrong::WrongAnswers;
use crate::pipeline::lag::LagWatch;
use crate::pipeline::services::Services;
use crate::report::proof::Proof;

/// A trial whose load is over.
pub(crate) struct Unproven {
    pub(crate) trial: Trial,
    /// Why a service has failed, if one has.
    pub(crate) failure: Option<String>,
    /// Posts that no pipeline may answer so.
    pub(crate) wrong: WrongAnswers,
}

/// What became of a trial's posts, and what else went wrong, in sentences.
pub(crate) struct TrialEnd {
    pub(crate) proof: Proof,
    pub(crate) faults: Vec<String>,
}

/// Stops the services that the lab has started, which makes the consumer store what it holds, and compares the ledger
/// with all that is there.
pub(crate) async fn prove(unproven: Unproven, services: &mut Option<Services>) -> anyhow::Result<TrialEnd> {
    let Unproven { trial, failure, wrong } = unproven;
    let (has_failed, is_ours) = (failure.is_some(), services.is_some());
    let mut faults = Vec::from_iter(failure);
    let counted = stop_services(services, has_failed, &mut faults).await?;
    faults.extend(wrong.faults(trial.plan.kind, is_ours));
    let lag_left = match &trial.kafka {
        Some(kafka) => Some(LagWatch::new(Arc::clone(kafka), &trial.names.topic).sample().await?.lag),
        None => None,
    };
    let Settled { answered, reconciled, differences, .. } = trial.settle(counted, 0, None).await?;
    faults.extend(differences);
    Ok(TrialEnd { proof: Proof::of(&answered, reconciled, lag_left), faults })
}
