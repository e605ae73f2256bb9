//! What `run` and the confirmations of `find-max` have in common, once a trial is prepared: the load, the view of it,
//! and the end of the trial.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::command::apply;
use crate::command::trial::{Conclusion, Trial, failure};
use crate::load::generator::Load;
use crate::load::live::Live;
use crate::pipeline::observer::Observer;
use crate::pipeline::under_test::PipelineUnderTest;
use crate::report::environment::Environment;
use crate::report::run::RunReport;
use crate::report::threshold::Threshold;
use crate::report::view::{Headline, View};

/// A load, and what is expected of it.
pub(crate) struct MeasuredLoad<'a> {
    pub(crate) load: Load,
    pub(crate) environment: Environment,
    /// Whether the progress is shown in lines, also on a terminal.
    pub(crate) plain: bool,
    /// Longest wait until all is stored.
    pub(crate) drain_timeout: Duration,
    pub(crate) thresholds: &'a [Threshold],
}

/// Applies the load, while `beside` is polled, and concludes the trial. Also returns when the load began.
pub(crate) async fn measure(
    trial: Trial,
    measured: MeasuredLoad<'_>,
    pipeline: &mut PipelineUnderTest,
    live: &Live,
    stop: &CancellationToken,
    beside: impl Future<Output = Infallible>,
) -> anyhow::Result<(RunReport, Instant)> {
    let MeasuredLoad { load, environment, plain, drain_timeout, thresholds } = measured;
    let consumer = pipeline.services.as_ref().map(|services| services.consumer.operators.clone());
    let mut observer = Observer::new(load.plan.kind, pipeline.metrics.clone(), consumer);
    observer.begin().await;
    let _view = View::open(Headline::of(load.plan.run, &environment.load), plain, stop);
    let failure = failure(&pipeline.services);
    let applied = tokio::select! {
        applied = apply::apply(&load, &trial.recorder, &mut observer, live, failure, stop) => applied?,
        never = beside => match never {},
    };
    let began = applied.series.start();
    let conclusion = Conclusion {
        applied,
        observer,
        environment,
        drain_timeout,
        is_interrupted: stop.is_cancelled(),
        faults: Vec::new(),
        thresholds,
    };
    Ok((trial.conclude(conclusion, &mut pipeline.services).await?, began))
}
