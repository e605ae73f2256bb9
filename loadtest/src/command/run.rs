//! `loadtest run`: starts the pipeline, applies the load, waits until all is stored, reconciles, and reports.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use contract::{Kind, Write};
use tokio_util::sync::CancellationToken;

use crate::base::exit::Unusable;
use crate::command::finish::finish;
use crate::command::interrupt;
use crate::command::measured::{self, MeasuredLoad};
use crate::command::options::RunOptions;
use crate::command::trial::Trial;
use crate::ledger::post::RunId;
use crate::load::generator::Load;
use crate::load::live::Live;
use crate::load::pacing::stages::Stages;
use crate::load::pacing::turns::UserRule;
use crate::load::pacing::{ClosedModel, Model, OpenModel, Rate};
use crate::load::share::RunShare;
use crate::pipeline::audit_log::AuditLogs;
use crate::pipeline::settings::{Lookup, PipelineSettings, set, with_batch_of_store, with_option};
use crate::pipeline::store::Documents;
use crate::pipeline::under_test::{PipelineUnderTest, Ports};
use crate::pipeline::visible::Visible;
use crate::report::environment::Environment;
use crate::report::files::make_directory;
use crate::report::run::RunReport;
use crate::report::threshold::{self, Threshold};

/// A run whose report is complete, and of which everything but the services is still up.
pub(crate) struct Proven {
    pub(crate) report: RunReport,
    pub(crate) pipeline: PipelineUnderTest,
    pub(crate) directory: PathBuf,
}

/// Where the logs of a run are.
pub(crate) struct Logs<'a> {
    pub(crate) directory: &'a Path,
    /// The audit logs, if each request is compared with them.
    pub(crate) audit: Option<AuditLogs>,
}

/// A run, from the start to the exit code.
pub(crate) async fn run(options: RunOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let Proven { report, pipeline, directory } = prove(&options, lookup, "run").await?;
    finish(&report, pipeline, &directory).await
}

/// A run, from the start to the report. The directory is named after the verb unless one is given.
pub(crate) async fn prove(options: &RunOptions, lookup: Lookup<'_>, verb: &str) -> anyhow::Result<Proven> {
    let stop =
        interrupt::stop_on_signal("stopping; what was accepted is still reconciled, a second Ctrl-C ends at once")?;
    let lookup = with_option(lookup, "MONGO_URI", &options.mongo_uri);
    let kind = options.load.kind;
    let lookup = with_batch_of_store(&lookup, kind, options.stack.store);
    let settings = PipelineSettings::of(kind, &lookup)?;
    judgeable(options, &lookup)?;
    let live = Live::start(options.load.prometheus).await?;
    let run = options.run.unwrap_or_else(RunId::fresh);
    let share = options.share.unwrap_or(RunShare::WHOLE);
    let name =
        if share == RunShare::WHOLE { format!("{verb}-{run}") } else { format!("{verb}-{run}-{}", share.index() + 1) };
    let directory = make_directory(options.outcome.report.as_deref(), &name)?;
    let audit_logs = options.audit_logs(&directory)?;
    let more = audit_logs.as_ref().map(AuditLogs::variables).unwrap_or_default();
    let mut pipeline = match &options.target {
        Some(url) => {
            let (metrics, documents) = (options.target_metrics.as_deref(), documents(options, &lookup)?);
            let accesses = options.access.accesses()?;
            let kafka = set(&lookup, "KAFKA_BROKER").map(|_| settings.group().cluster.clone());
            PipelineUnderTest::running(url, metrics, accesses, documents, kafka).await?
        }
        None => {
            PipelineUnderTest::start(
                &options.stack.options(),
                &lookup,
                &settings,
                Ports::free(),
                more,
                &directory,
                &stop,
            )
            .await?
        }
    };
    let logs = Logs { directory: &directory, audit: audit_logs };
    let report = measure(run, options, &settings, &mut pipeline, logs, &live, &stop).await?;
    Ok(Proven { report, pipeline, directory })
}

/// Whether something is measured, and everything that the thresholds mention will be seen.
fn judgeable(options: &RunOptions, lookup: Lookup<'_>) -> Result<(), Unusable> {
    if let (None, Some(option)) = (&options.target, options.documents.foreign()) {
        return Err(Unusable(format!("{option} says where the documents of another pipeline are: give its --target")));
    }
    options.load.usable()?;
    if let Kind::Schema(kind) = options.load.kind {
        if options.share.is_some() {
            let why = "`merge` cannot make its bodies again: leave out --share";
            return Err(Unusable(format!("--kind {}: {why}", kind.name())));
        }
        if options.documents.match_field.is_some() {
            let why = "documents are compared whole: leave out --match-field, and give --marker";
            return Err(Unusable(format!("--kind {}: {why}", kind.name())));
        }
    }
    if options.load.kind.write() == Write::Upsert {
        if options.share.is_some() {
            let why = "a user's keys and their order are proven by one generator: leave out --share";
            return Err(Unusable(format!("--kind {}: {why}", options.load.kind.name())));
        }
        if options.documents.match_field.is_some() {
            let why = "documents are compared whole, with their place in the topic: leave out --match-field";
            return Err(Unusable(format!("--kind {}: {why}", options.load.kind.name())));
        }
    }
    if options.stages.is_some() && options.load.plan(RunId::fresh()).bulk > 1 {
        return Err(Unusable("--stages are of single records: give --rate with --bulk".to_owned()));
    }
    let length = length(options);
    if options.warm_up >= length {
        let warm_up = options.warm_up;
        return Err(Unusable(format!("--warm-up {warm_up:?} leaves nothing of a load of {length:?}: make it shorter")));
    }
    if options.fixed_users && options.rate.is_none() && options.stages.is_none() {
        let why = "in the closed model every user has posts of its own";
        return Err(Unusable(format!("--fixed-users needs --rate or --stages: {why}")));
    }
    if let Some(share) = options.share
        && share.users(options.load.vus).len() == 0
    {
        return Err(Unusable(format!("--share {share} of --vus {} has no user: give more --vus", options.load.vus)));
    }
    without_faults(&options.thresholds)?;
    if let Some(threshold) = options.thresholds.iter().find(|threshold| threshold.is_of_states())
        && options.load.kind.write() == Write::Insert
    {
        let why = "each record is a document of its own: leave it out";
        let kind = options.load.kind.name();
        return Err(Unusable(format!("--threshold '{threshold}' cannot be judged for --kind {kind}, where {why}")));
    }
    if !options.no_reconcile && options.share.is_none() {
        return Ok(());
    }
    for threshold in &options.thresholds {
        if threshold.is_of_ledger() {
            let why = match options.share {
                Some(_) => "only `loadtest merge` looks into the store, for all shares: give it there",
                None => "with --no-reconcile nobody looks into the store",
            };
            return Err(Unusable(format!("--threshold '{threshold}' cannot be judged: {why}")));
        }
        if threshold.is_of_drain() && set(lookup, "KAFKA_BROKER").is_none() {
            let why = "with --no-reconcile or --share, and without KAFKA_BROKER nobody sees when all is stored";
            return Err(Unusable(format!("--threshold '{threshold}' cannot be judged: {why}")));
        }
    }
    Ok(())
}

/// Whether no threshold concerns faults, of which there are none.
pub(crate) fn without_faults(thresholds: &[Threshold]) -> Result<(), Unusable> {
    match thresholds.iter().find(|threshold| threshold.is_of_recovery()) {
        Some(threshold) => {
            let why = "only `loadtest chaos` injects faults to recover from";
            Err(Unusable(format!("--threshold '{threshold}' cannot be judged: {why}")))
        }
        None => Ok(()),
    }
}

/// Whether posts are looked for, if a threshold concerns when they are visible.
pub(crate) fn visible_as_judged(thresholds: &[Threshold], visible: &Visible) -> Result<(), Unusable> {
    match (visible, thresholds.iter().find(|threshold| threshold.is_of_visibility())) {
        (Visible::Off(why), Some(threshold)) => {
            Err(Unusable(format!("--threshold '{threshold}' cannot be judged, since no record is looked for: {why}")))
        }
        _ => Ok(()),
    }
}

/// Where the documents of a pipeline that runs already are.
fn documents(options: &RunOptions, lookup: Lookup<'_>) -> Result<Option<Documents>, Unusable> {
    let uri = set(lookup, "MONGO_URI");
    if options.no_reconcile || (options.share.is_some() && uri.is_none()) {
        return Ok(None);
    }
    let uri = uri.ok_or_else(|| {
        Unusable(
            "with --target, say where the documents are: --mongo-uri mongodb://HOST:PORT/DATABASE, or --no-reconcile"
                .to_owned(),
        )
    })?;
    Ok(Some(options.documents.at(options.load.kind, uri)))
}

async fn measure(
    run: RunId,
    options: &RunOptions,
    settings: &PipelineSettings,
    pipeline: &mut PipelineUnderTest,
    logs: Logs<'_>,
    live: &Live,
    stop: &CancellationToken,
) -> anyhow::Result<RunReport> {
    let share = options.share.unwrap_or(RunShare::WHOLE);
    let (plan, skew) = (options.load.plan(run), options.documents.clock_skew);
    let sampled = options.load.sample_share;
    let trial = Trial::prepare(plan, skew, settings, pipeline, share, sampled, logs.directory).await?;
    let trial = trial.limited(options.load.records).audited(logs.audit);
    visible_as_judged(&options.thresholds, &trial.visible)?;
    let rule = if options.fixed_users { UserRule::Fixed } else { UserRule::AnyFree };
    let load =
        Load { share, rule, warm_up: options.warm_up, ..options.load.load(model(options), run, &pipeline.target) };
    let environment = Environment::gather(&load, settings, pipeline, trial.store.as_ref()).await?;
    let thresholds = match &options.thresholds[..] {
        [] => threshold::defaults(),
        given => given.to_vec(),
    };
    let measured = MeasuredLoad {
        load,
        environment,
        plain: options.load.plain,
        drain_timeout: options.outcome.drain_timeout,
        thresholds: &thresholds,
    };
    Ok(measured::measure(trial, measured, pipeline, live, stop, std::future::pending()).await?.0)
}

/// How long the load lasts.
fn length(options: &RunOptions) -> Duration {
    options.stages.as_ref().map_or(options.duration, Stages::length)
}

fn model(options: &RunOptions) -> Model {
    let (start, vus) = (Instant::now(), options.load.vus);
    let end = start + length(options);
    match (&options.stages, options.rate) {
        (Some(stages), _) => Model::Open(OpenModel { start, end, vus, rate: Rate::Stages(stages.clone()) }),
        (None, Some(rate)) => Model::Open(OpenModel { start, end, vus, rate: options.load.requests(rate) }),
        (None, None) => Model::Closed(ClosedModel { start, end, vus, think: options.think }),
    }
}
