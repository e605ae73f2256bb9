//! `loadtest chaos`: applies load while faults happen to every part of the pipeline, and proves that nothing is lost.
//!
//! The faults are those of [`pipeline::chaos`](crate::pipeline::chaos). What follows is the same as in every
//! [`trial`](crate::command::trial).

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use stack::{StackKind, StoreKind};
use tokio_util::sync::CancellationToken;

use crate::base::exit::Unusable;
use crate::command::finish::finish;
use crate::command::options::ChaosOptions;
use crate::command::run::{Logs, visible_as_judged};
use crate::command::trial::{Conclusion, Trial};
use crate::command::{apply, interrupt};
use crate::ledger::post::RunId;
use crate::ledger::reconcile::CLOCK_SKEW;
use crate::load::live::Live;
use crate::load::pacing::{Model, OpenModel};
use crate::load::share::RunShare;
use crate::pipeline::audit_log::AuditLogs;
use crate::pipeline::chaos::fault::Fault;
use crate::pipeline::chaos::stage::{Stage, StageSetting, Struck};
use crate::pipeline::chaos::watch::ChaosWatch;
use crate::pipeline::chaos::{inject, schedule};
use crate::pipeline::observer::Observer;
use crate::pipeline::settings::{Lookup, PipelineSettings, with_batch_of_store};
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic;
use crate::pipeline::under_test::{PipelineUnderTest, Ports};
use crate::report::chaos::{ChaosReport, FaultReport, longest_recovery};
use crate::report::environment::Environment;
use crate::report::files::make_directory;
use crate::report::run::RunReport;
use crate::report::threshold::{Threshold, ThresholdVerdict};
use crate::report::view::{Headline, View};

/// The number of partitions, unless the environment sets it: with only one, no second member would ever hold any.
const PARTITIONS: &str = "4";

/// The consumer's buffer and its batch, unless the environment sets them: small enough for a frozen store to fill them
/// within seconds. The batch stays a quarter of the buffer, as by default.
const BUFFER_BYTES: &str = "1000000";
const BATCH_BYTES: &str = "250000";

/// The same where a batch has a thousand records, because the store replaces slowly: room for all of them.
const LARGE_BUFFER_BYTES: &str = "4000000";
const LARGE_BATCH_BYTES: &str = "1000000";
const LARGE_BATCH: usize = 1_000;

/// The load lasts until the last fault is over, so its own end is far away.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a part runs undisturbed after it was hit; otherwise one that starts slowly would never run.
const PEACE: Duration = Duration::from_secs(5);

/// How long the watch waits for Kafka, which is away now and then.
const WATCH_PATIENCE: Duration = Duration::from_secs(1);

/// Chaos, from the start to the exit code.
pub(crate) async fn chaos(options: ChaosOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let stop =
        interrupt::stop_on_signal("stopping; what was accepted is still reconciled, a second Ctrl-C ends at once")?;
    let kind = options.load.kind;
    let lookup: Lookup<'_> = &with_batch_of_store(lookup, kind, options.store);
    let settings = PipelineSettings::of(kind, lookup)?;
    options.load.usable()?;
    survivable(&options)?;
    let options = ChaosOptions { faults: options.faults.possible(kind)?, ..options };
    let live = Arc::new(Live::start(options.load.prometheus).await?);
    let run = RunId::fresh();
    let directory = make_directory(options.outcome.report.as_deref(), &format!("chaos-{run}"))?;
    let servers = stack::Options {
        stack: StackKind::Native,
        store: options.store,
        brokers: options.brokers,
        proxied: true,
        ..stack::Options::default()
    };
    let is_large = settings.group().limits.batch.messages >= LARGE_BATCH;
    let (buffer, batch) = if is_large { (LARGE_BUFFER_BYTES, LARGE_BATCH_BYTES) } else { (BUFFER_BYTES, BATCH_BYTES) };
    let unless_set = |name, value: &str| (name, lookup(name).unwrap_or(value.to_owned()));
    let audit_logs = options.audit_log.then(|| AuditLogs::of_lab(&directory)).transpose()?;
    let mut more = vec![
        unless_set("KAFKA_PARTITIONS", PARTITIONS),
        unless_set("CONSUMER_BUFFER_BYTES", buffer),
        unless_set("CONSUMER_BATCH_BYTES", batch),
    ];
    more.extend(audit_logs.as_ref().map(AuditLogs::variables).unwrap_or_default());
    let mut pipeline =
        PipelineUnderTest::start(&servers, lookup, &settings, Ports::free(), more, &directory, &stop).await?;
    let logs = Logs { directory: &directory, audit: audit_logs };
    let report = measure(run, &options, &settings, &mut pipeline, logs, &live, &stop).await?;
    finish(&report, pipeline, &directory).await
}

/// Whether the stored documents outlive the faults.
fn survivable(options: &ChaosOptions) -> Result<(), Unusable> {
    if options.store == StoreKind::Memory && options.faults.each().any(|fault| fault == Fault::StoreKill) {
        let way_out = "leave store-kill out of --faults, or choose another --store";
        return Err(Unusable(format!("a store in memory has nothing left when it is killed: {way_out}")));
    }
    Ok(())
}

async fn measure(
    run: RunId,
    options: &ChaosOptions,
    settings: &PipelineSettings,
    pipeline: &mut PipelineUnderTest,
    logs: Logs<'_>,
    live: &Arc<Live>,
    stop: &CancellationToken,
) -> anyhow::Result<RunReport> {
    let own = "chaos has a broker, a store and services of its own";
    let (plan, sampled) = (options.load.plan(run), options.load.sample_share);
    let trial = Trial::prepare(plan, CLOCK_SKEW, settings, pipeline, RunShare::WHOLE, sampled, logs.directory).await?;
    // A topic that was deleted no longer has all letters.
    let trial = trial.without_count_of_letters().limited(options.load.records).audited(logs.audit);
    visible_as_judged(&options.thresholds, &trial.visible)?;
    let (of_recovery, of_run): (Vec<Threshold>, Vec<Threshold>) =
        options.thresholds.iter().cloned().partition(Threshold::is_of_recovery);
    let kafka = Arc::clone(trial.kafka.as_ref().context(own)?);
    let (topic, dead_letters) = (trial.names.topic.clone(), trial.names.dead_letter_topic.clone());
    let start = Instant::now();
    let (rate, duration) = (options.load.requests(options.rate), duration(options));
    let model = Model::Open(OpenModel { start, end: start + FAR, vus: options.load.vus, rate });
    let load = options.load.load(model, run, &pipeline.target);
    let mut environment = Environment::gather(&load, settings, pipeline, trial.store.as_ref()).await?;
    environment.load.duration_seconds = (!options.one_by_one).then_some(duration.as_secs_f64());

    let services = pipeline.services.take().context(own)?;
    let service_options = pipeline.service_options.clone().context(own)?;
    let mut observer =
        Observer::new(settings.kind, pipeline.metrics.clone(), Some(services.consumer.operators.clone()));
    observer.look().await;
    let stack = pipeline.stack.as_mut().context(own)?;
    let reader = topic::patient_reader(&service_options.kafka, &trial.names.group, WATCH_PATIENCE)?;
    let _view = View::open(Headline::of(run, &environment.load), options.load.plain, stop);
    let watch = ChaosWatch::begin(reader, &topic)?;
    // One by one, every fault waits for the recovery from the previous fault anyway.
    let peace = if options.one_by_one { Duration::ZERO } else { PEACE };
    let setting = StageSetting {
        run,
        services,
        options: service_options,
        settings,
        kafka: Arc::clone(&kafka),
        documents: StoreReader::new(pipeline.documents.as_ref().context(own)?).await?,
        peace,
        live: Arc::clone(live),
    };
    let stage = Arc::new(Stage::set(setting, stack)?);

    let end = stop.child_token();
    let calm_lag = calm_lag(options.rate, settings);
    let faults = async {
        let ChaosOptions { faults, hold, .. } = options;
        let seed = options.load.seed;
        let injected = if options.one_by_one {
            inject::one_by_one(schedule::one_by_one(faults.each(), seed, *hold), &stage, &watch, calm_lag, &end).await
        } else {
            let schedule = schedule::at_random(faults.each(), seed, duration, *hold);
            inject::at_random(schedule, duration, &stage, &end).await
        };
        if !end.is_cancelled() {
            watch.timeline().load_ended(watch.at(Instant::now()));
        }
        end.cancel();
        injected
    };
    let applying = apply::apply(&load, &trial.recorder, &mut observer, live, std::future::pending(), &end);
    let (applied, injected) = tokio::select! {
        never = watch.accepted(&trial.recorder) => match never {},
        both = async { tokio::join!(applying, faults) } => both,
    };
    let (applied, mut troubles) = (applied?, injected.troubles);
    let load_began = watch.at(applied.series.start());
    let stage = Arc::into_inner(stage).context("a fault is still running after its end")?;
    let Struck { services, poison, extra, documents } = stage.strike(stack, &mut troubles).await?;
    pipeline.services = Some(services);

    let conclusion = Conclusion {
        applied,
        observer,
        environment,
        drain_timeout: options.outcome.drain_timeout,
        is_interrupted: stop.is_cancelled(),
        faults: troubles,
        thresholds: &of_run,
    };
    let mut report = trial.conclude(conclusion, &mut pipeline.services).await?;
    let poison = poison.look_for(&kafka, &dead_letters, &documents).await?;
    report.add(ThresholdVerdict::none("poison lost==0", poison.missing));
    report.add(ThresholdVerdict::none("poison changed==0", poison.changed));
    report.add(ThresholdVerdict::none("poison stored==0", poison.stored));
    let extra_posts = extra.look_for(&documents).await?;
    report.add(ThresholdVerdict::none("extra posts missing==0", extra_posts.missing));
    let faults: Vec<FaultReport> =
        injected.happened.iter().map(|happened| FaultReport::of(happened, &watch, calm_lag)).collect();
    let longest_recovery = longest_recovery(&faults);
    for threshold in &of_recovery {
        report.add(threshold.judge_recovery(longest_recovery.map(Duration::from_secs_f64)));
    }
    let timeline = watch.end()?;
    // The first consumer is not the only one, and is gone now and then: Kafka knows better.
    for point in &mut report.series {
        let time = load_began + Duration::from_secs_f64(point.seconds);
        (point.lag_records, point.stored_posts) = timeline.seen_at(time);
    }
    report.chaos = Some(ChaosReport {
        seed: options.load.seed,
        one_by_one: options.one_by_one,
        brokers: options.brokers,
        longest_silence_seconds: timeline.longest_silence().as_secs_f64(),
        longest_recovery_seconds: longest_recovery,
        largest_lag: timeline.largest_lag(),
        calm_lag,
        faults,
        poison,
        extra_posts,
    });
    Ok(report)
}

/// How long the load lasts: as long as --records take at the rate, if they are given.
fn duration(options: &ChaosOptions) -> Duration {
    let of_records = options.load.records.map(|records| Duration::from_secs_f64(records as f64 / options.rate));
    of_records.unwrap_or(options.duration)
}

/// The lag of a healthy pipeline: what comes in within a second, and one batch.
fn calm_lag(rate: f64, settings: &PipelineSettings) -> u64 {
    let batch = settings.group().limits.batch.messages;
    rate.ceil() as u64 + u64::try_from(batch).unwrap_or(u64::MAX)
}
