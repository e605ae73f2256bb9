//! What a rate is looked for with, in probes and in runs.

use std::path::Path;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::command::options::FindMaxOptions;
use crate::command::trial::Trial;
use crate::ledger::post::RunId;
use crate::load::live::Live;
use crate::load::pacing::{Model, OpenModel, Rate};
use crate::pipeline::settings::{Lookup, PipelineSettings};
use crate::pipeline::under_test::PipelineUnderTest;
use crate::report::environment::Environment;

/// The options, and all that stays the same from the first probe to the last run.
pub(crate) struct FindMaxBench<'a> {
    pub(crate) run: RunId,
    pub(crate) options: &'a FindMaxOptions,
    pub(crate) lookup: Lookup<'a>,
    pub(crate) settings: &'a PipelineSettings,
    pub(crate) directory: &'a Path,
    pub(crate) live: &'a Live,
    pub(crate) stop: &'a CancellationToken,
}

impl FindMaxBench<'_> {
    /// What it is measured on. It names no rate, because the rate changes.
    pub(crate) async fn environment(&self, pipeline: &PipelineUnderTest, trial: &Trial) -> anyhow::Result<Environment> {
        let FindMaxBench { run, options, settings, .. } = *self;
        let start = Instant::now();
        let end = start + options.warm_up + options.measure;
        let model = Model::Open(OpenModel { start, end, vus: options.load.vus, rate: Rate::Constant(1.0) });
        let load = options.load.load(model, run, &pipeline.target);
        let mut environment = Environment::gather(&load, settings, pipeline, trial.store.as_ref()).await?;
        environment.load.rate = None;
        Ok(environment)
    }
}
