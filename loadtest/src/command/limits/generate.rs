//! The generator at full speed: each user sends its next post when the previous one is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use contract::Kind;
use tokio_util::sync::CancellationToken;

use super::plan::MeasurePlan;
use crate::ledger::accepted_ids::ACCEPTED_IDS;
use crate::ledger::plan::{Keys, RunPlan};
use crate::ledger::post::bodies::Shape;
use crate::load::cpu::cores;
use crate::load::generator::tally::Tally;
use crate::load::generator::{Generator, HEAD_START, Load};
use crate::load::pacing::turns::UserRule;
use crate::load::pacing::{ClosedModel, Model};
use crate::load::recorder::Recorder;
use crate::load::share::RunShare;
use crate::load::target::Target;

/// How often the counts are collected.
const TAKE_EVERY: Duration = Duration::from_secs(1);

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends posts to `target` for as long as the plan says, and returns how many were accepted.
pub(crate) async fn posts(target: &Target, plan: &MeasurePlan) -> anyhow::Result<u64> {
    let start = Instant::now() + HEAD_START;
    let model = ClosedModel { start, end: start + plan.duration, vus: plan.vus, think: Duration::ZERO };
    let load = Load {
        model: Model::Closed(model),
        rule: UserRule::default(),
        warm_up: Duration::ZERO,
        target: target.clone(),
        request_timeout: REQUEST_TIMEOUT,
        share: RunShare::WHOLE,
        plan: RunPlan {
            run: plan.run,
            seed: 1,
            shape: Shape::default(),
            repeat: 1,
            kind: Kind::Post,
            keys: Keys { users: plan.vus, all: 1 },
            bodies: None,
            bulk: 1,
        },
        threads: u32::try_from(cores()).unwrap_or(1).min(plan.vus),
    };
    // The ids are written as in a run, though nobody reads them.
    let recorder = Arc::new(Recorder::create(&plan.directory.join(ACCEPTED_IDS))?);
    // Ends the threads, too, when this is dropped before its end.
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let mut generator = Generator::start(&load, &recorder, &stop)?;
    let mut tally = Tally::default();
    while tokio::time::timeout(TAKE_EVERY, generator.ended()).await.is_err() {
        tally.merge(&generator.take());
    }
    tally.merge(&generator.take());
    generator.finish()?;
    let recorder = Arc::into_inner(recorder).context("the generator still holds the ledger after its end")?;
    recorder.finish()?.accepted_ids.remove().context("cannot remove the accepted ids")?;
    Ok(tally.outcomes.accepted)
}
