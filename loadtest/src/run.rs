//! `loadtest run`: bring the pipeline up, apply the load, wait until all is stored, reconcile, report. The order matters:
//! the services are stopped before the store is read, so that nothing is written any more while it is counted.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::drain;
use crate::environment::{Environment, threads};
use crate::exit::{self, Unusable};
use crate::generator::Load;
use crate::kafka::KafkaReader;
use crate::load;
use crate::observer::Observer;
use crate::options::RunOptions;
use crate::pacing::ClosedModel;
use crate::pipeline::{Pipeline, Ports, make_directory};
use crate::post::RunId;
use crate::reconcile::reconcile;
use crate::recorder::Recorder;
use crate::report::{Latency, Report, ServiceUsage};
use crate::services::Services;
use crate::settings::{Lookup, ServiceSettings, with_option};
use crate::store::Store;
use crate::text::{grouped, per_second};
use crate::threshold::{Measured, judge};
use crate::{interrupt, table};

/// File of the accepted ids, beside the report.
const ACCEPTED_IDS: &str = "accepted.ids";

/// A run, from the start to the exit code.
pub(crate) async fn run(options: RunOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let stop =
        interrupt::stop_on_signal("stopping; what was accepted is still reconciled, a second Ctrl-C ends at once")
            .context("cannot listen for signals")?;
    let lookup = with_option(lookup, "MONGO_URI", &options.mongo_uri);
    let settings = ServiceSettings::read(&lookup)?;
    let run = RunId::fresh();
    let directory = make_directory(options.report.as_deref(), &format!("run-{run}"))?;
    let mut pipeline = match &options.target {
        Some(url) => running(url, &lookup).await?,
        None => Pipeline::start(&options.stack, &lookup, &settings, Ports::free(), &directory, &stop).await?,
    };
    let report = measure(run, &options, &settings, &mut pipeline, &directory, &stop).await?;
    let path = report.write(&directory)?;
    println!("{}\nreport: {}", table::render(&report), path.display());
    if let Err(error) = pipeline.stop().await {
        eprintln!("the servers are not all cleaned up: {error:#}");
    }
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) })
}

async fn running(url: &str, lookup: Lookup<'_>) -> anyhow::Result<Pipeline> {
    let set = |name| lookup(name).filter(|value| !value.is_empty());
    let mongo_uri = set("MONGO_URI").ok_or_else(|| {
        Unusable("with --target, say where the documents are: --mongo-uri mongodb://HOST:PORT/DATABASE".to_owned())
    })?;
    Pipeline::running(url, mongo_uri, set("KAFKA_BROKER")).await
}

async fn measure(
    run: RunId,
    options: &RunOptions,
    settings: &ServiceSettings,
    pipeline: &mut Pipeline,
    directory: &Path,
    stop: &CancellationToken,
) -> anyhow::Result<Report> {
    let names = &settings.consumer_config.kafka;
    let store = Store::new(&pipeline.mongo_uri).await?;
    let kafka = pipeline.kafka_broker.as_deref().map(|brokers| KafkaReader::new(brokers, &names.group));
    let kafka = kafka.transpose()?.map(Arc::new);
    let environment = Environment::gather(options, settings, pipeline, &store).await?;
    let recorder = Arc::new(Recorder::create(&directory.join(ACCEPTED_IDS))?);
    let consumer = pipeline.services.as_ref().map(|services| services.consumer.target.clone());
    let mut observer = Observer::new(pipeline.target.clone(), consumer);
    observer.look().await;

    let load = load(run, options, pipeline);
    let mut applied = load::apply(&load, &recorder, &mut observer, failure(&pipeline.services), stop).await?;
    let (ledger, accepted_ids) =
        Arc::into_inner(recorder).context("the generator still holds the ledger after its end")?.finish()?;
    let accepted = applied.tally.outcomes.accepted;

    let mut drained = None;
    if applied.failure.is_none() {
        let (since, deadline) = (applied.last_answer, options.drain_timeout);
        let draining = async {
            match &kafka {
                Some(kafka) => drain::until_no_lag(kafka, &names.topic, since, deadline).await,
                None => drain::until_count_is_stable(&store, run, accepted, since, deadline).await,
            }
        };
        tokio::select! {
            ended = draining => drained = Some(ended?),
            reason = failure(&pipeline.services) => applied.failure = Some(reason),
        }
    }
    observer.look().await;
    let mut faults: Vec<String> = applied.failure.into_iter().collect();
    if let Some(services) = pipeline.services.take() {
        let ended_badly = services.stop().await;
        // That one which has failed did not stop well either is no news.
        if faults.is_empty() {
            faults = ended_badly;
        }
    }
    faults.iter().for_each(|fault| eprintln!("{fault}"));

    eprintln!("reconciling {} accepted posts", grouped(accepted));
    let dead_letters = kafka.as_ref().map(|kafka| (kafka, names.dead_letter_topic.as_str()));
    let (counts, findings) = reconcile(ledger, &accepted_ids, run, &store, dead_letters).await?;
    if findings.is_empty() {
        accepted_ids.remove().context("cannot remove the accepted ids")?;
    }

    let (tally, elapsed) = (applied.tally, applied.elapsed);
    let outcomes = tally.outcomes;
    let measured = Measured { p95: tally.latency(0.95), failed_share: outcomes.failed_share(), counts };
    let thresholds = judge(&measured);
    Ok(Report {
        run: run.to_string(),
        passed: faults.is_empty() && thresholds.iter().all(|verdict| verdict.holds),
        ended_early: stop.is_cancelled() || !faults.is_empty(),
        counts,
        requests_per_second: per_second(outcomes.sent(), elapsed),
        accepted_per_second: per_second(outcomes.accepted, elapsed),
        load_seconds: elapsed.as_secs_f64(),
        latency_ms: Latency::of(&tally),
        failed_share: outcomes.failed_share(),
        outcomes,
        drain_seconds: drained.map(|drained| drained.after.as_secs_f64()),
        lag_left: drained.and_then(|drained| drained.lag),
        producer: ServiceUsage::of(observer.producer_usage, accepted),
        consumer: ServiceUsage::of(observer.consumer_usage, accepted),
        thresholds,
        faults,
        findings,
        environment,
    })
}

/// Resolves when a service that the lab has started has failed.
async fn failure(services: &Option<Services>) -> String {
    match services {
        Some(services) => services.failure().await,
        None => std::future::pending().await,
    }
}

fn load(run: RunId, options: &RunOptions, pipeline: &Pipeline) -> Load {
    // A moment from now, so that the first posts are not late because of the threads' start.
    let start = Instant::now() + Duration::from_millis(20);
    Load {
        model: ClosedModel { start, end: start + options.duration, vus: options.vus, think: options.think },
        target: pipeline.target.clone(),
        request_timeout: options.request_timeout,
        run,
        seed: options.seed,
        threads: threads(options),
    }
}
