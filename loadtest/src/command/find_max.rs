//! `loadtest find-max`: the largest rate that the pipeline sustains. The pipeline stays up meanwhile.
//!
//! Each [`probe`] in turn offers a rate in the open model; [`judge`] says whether it was sustained, [`search`]
//! which rate comes next, and [`fit`] which rates nearly all probes sustain and half of them. All three are pure. At the
//! end [`mod@prove`] looks for the accepted posts of all probes together.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use service::status::figures::grouped;
use tokio_util::sync::CancellationToken;

use crate::base::exit;
use crate::command::interrupt;
use crate::command::options::FindMaxOptions;
use crate::command::trial::{Trial, failure, stop_services};
use crate::ledger::post::RunId;
use crate::ledger::reconcile::CLOCK_SKEW;
use crate::load::live::Live;
use crate::load::pacing::{Model, OpenModel, Rate};
use crate::load::share::RunShare;
use crate::pipeline::lag::{LagWatch, growth};
use crate::pipeline::probe::{self, Gear, LoadProbe, Offer, Probed};
use crate::pipeline::settings::{Lookup, PipelineSettings, set, with_option};
use crate::pipeline::store::Documents;
use crate::pipeline::under_test::{PipelineUnderTest, Ports};
use crate::report::environment::Environment;
use crate::report::files::{self, make_directory};
use crate::report::find_max::{FindMaxReport, ProbeReport};
use fit::JudgedRate;
use judge::{ProbeShown, Rule};
use prove::prove;
use search::{NextProbe, SearchPlan};

pub(crate) mod fit;
pub(crate) mod judge;
pub(crate) mod prove;
pub(crate) mod search;

/// The result for programs; its schema is `loadtest/find-max.schema.json`.
const JSON: &str = "find-max.json";

/// The first rate, as a share of what a closed loop gets, which is about the most that can be sustained.
const FIRST_SHARE: f64 = 0.7;

/// No post is looked up in the store meanwhile: only the probes must load it.
const NO_SAMPLES: f64 = 0.0;

/// A search, from the start to the exit code.
pub(crate) async fn find_max(options: FindMaxOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let stop = interrupt::stop_on_signal("stopping; what was found so far is reported, a second Ctrl-C ends at once")?;
    let lookup = with_option(lookup, "MONGO_URI", &options.mongo_uri);
    let settings = PipelineSettings::read(&lookup)?;
    let live = Live::start(options.load.prometheus).await?;
    let run = RunId::fresh();
    let directory = make_directory(options.outcome.report.as_deref(), &format!("find-max-{run}"))?;
    let mut pipeline = match &options.target {
        Some(url) => {
            PipelineUnderTest::running(
                url,
                set(&lookup, "MONGO_URI").map(Documents::posts),
                set(&lookup, "KAFKA_BROKER"),
            )
            .await?
        }
        None => {
            let servers = options.stack.options();
            PipelineUnderTest::start(&servers, &lookup, &settings, Ports::free(), Vec::new(), &directory, &stop).await?
        }
    };
    let report = measure(run, &options, &settings, &mut pipeline, &directory, &live, &stop).await?;
    let path = files::write_json(&report, &directory, JSON)?;
    println!("{}\nreport: {}", report.table(), path.display());
    if let Err(error) = pipeline.stop().await {
        eprintln!("the servers are not all cleaned up: {error:#}");
    }
    Ok(if report.passed { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) })
}

async fn measure(
    run: RunId,
    options: &FindMaxOptions,
    settings: &PipelineSettings,
    pipeline: &mut PipelineUnderTest,
    directory: &Path,
    live: &Live,
    stop: &CancellationToken,
) -> anyhow::Result<FindMaxReport> {
    let plan = options.load.plan(run);
    let trial = Trial::prepare(plan, CLOCK_SKEW, settings, pipeline, RunShare::WHOLE, NO_SAMPLES, directory).await?;
    let environment = environment(run, options, settings, pipeline, &trial).await?;
    let lag = trial.kafka.clone().map(|kafka| LagWatch::new(kafka, &trial.names.topic));
    if lag.is_none() {
        eprintln!("without KAFKA_BROKER the lag is not seen: only latency and failures are judged");
    }
    let batch_messages = settings.consumer_config.kafka.limits.batch.messages;
    let load_of = |model| options.load.load(model, run, &pipeline.target);
    let prober = Prober {
        gear: Gear { load: &load_of, vus: options.load.vus, recorder: &trial.recorder, lag: lag.as_ref(), live, stop },
        pipeline,
        rule: Rule { slo: options.slo, measure: options.measure, batch_messages },
        options,
    };
    let Searched { closed_loop_per_second, probes, mut faults } = prober.search().await?;
    let has_failed = !faults.is_empty();
    if !has_failed {
        let deadline = options.outcome.drain_timeout;
        let drained = trial.drain(Instant::now(), trial.recorder.accepted(), deadline).await?;
        if let Some(lag) = drained.and_then(|drained| drained.lag).filter(|lag| *lag > 0) {
            faults.push(format!("{} records were not consumed within --drain-timeout", grouped(lag)));
        }
    }
    let counted = stop_services(&mut pipeline.services, has_failed, &mut faults).await?;
    let proof = prove(trial, counted, options.load.sends_repeatedly(), &mut faults).await?;
    faults.iter().for_each(|fault| eprintln!("{fault}"));
    let (max_rate, half_rate) = search::rates_found(&judged(&probes));
    Ok(FindMaxReport {
        run: run.to_string(),
        passed: faults.is_empty() && proof.holds() && (max_rate.low.is_some() || stop.is_cancelled()),
        ended_early: stop.is_cancelled() || has_failed,
        max_rate,
        half_rate,
        slo_ms: options.slo.as_secs_f64() * 1e3,
        warm_up_seconds: options.warm_up.as_secs_f64(),
        measure_seconds: options.measure.as_secs_f64(),
        closed_loop_per_second,
        generator_limited: probes.iter().filter(|probe| !probe.sustained && probe.generator.is_some()).count(),
        probes,
        proof: Some(proof),
        faults,
        environment,
    })
}

/// Applies probes to a pipeline that stays up.
struct Prober<'a> {
    gear: Gear<'a>,
    pipeline: &'a PipelineUnderTest,
    rule: Rule,
    options: &'a FindMaxOptions,
}

/// What a search has found.
#[derive(Default)]
struct Searched {
    closed_loop_per_second: Option<f64>,
    probes: Vec<ProbeReport>,
    /// Why the pipeline has failed, if it has.
    faults: Vec<String>,
}

impl Prober<'_> {
    /// Applies probes until the search is over, somebody stops it, or the pipeline fails.
    async fn search(&self) -> anyhow::Result<Searched> {
        let mut found = Searched::default();
        if self.options.start.is_none() {
            eprintln!("as fast as it goes, to know where to start");
            let probed = self.probe(Offer::AsFastAsItGoes).await?;
            found.closed_loop_per_second = Some(probed.accepted_per_second);
            found.faults.extend(probed.failure);
        }
        let start = self.options.start.or(found.closed_loop_per_second.map(|rate| rate * FIRST_SHARE));
        let plan = SearchPlan { start: start.unwrap_or_default().max(1.0), repeats: self.options.repeats };
        eprintln!("{}", crate::report::find_max::head());
        while found.faults.is_empty() && !self.gear.stop.is_cancelled() {
            let NextProbe::Probe(rate) = plan.next(&judged(&found.probes)) else { break };
            let probed = self.probe(Offer::Rate(rate)).await?;
            // A probe that was cut short says nothing.
            if probed.failure.is_none() && !self.gear.stop.is_cancelled() {
                let probe = self.judge(rate, &probed);
                eprintln!("{}", probe.row());
                found.probes.push(probe);
            }
            found.faults.extend(probed.failure);
        }
        Ok(found)
    }

    /// Applies one probe, and waits until the consumer has caught up, at most for `--drain-timeout`.
    async fn probe(&self, offer: Offer) -> anyhow::Result<Probed> {
        let FindMaxOptions { warm_up, measure, slo, .. } = *self.options;
        // What has not been sent by then is too late already.
        let probe = LoadProbe { offer, warm_up, measure, patience: slo };
        let mut probed = probe::apply(probe, &self.gear, failure(&self.pipeline.services)).await?;
        if let (Some(lag), None) = (self.gear.lag, &probed.failure) {
            // The last batch waits for CONSUMER_BATCH_INTERVAL; the next probe fills it.
            let calm = u64::try_from(self.rule.batch_messages).unwrap_or(u64::MAX);
            tokio::select! {
                calm = lag.until_calm(calm, self.options.outcome.drain_timeout, &mut probed.samples) => drop(calm?),
                reason = failure(&self.pipeline.services) => probed.failure = Some(reason),
                () = self.gear.stop.cancelled() => {}
            }
        }
        Ok(probed)
    }

    fn judge(&self, rate: f64, probed: &Probed) -> ProbeReport {
        let outcomes = probed.tally.outcomes;
        let growth = growth(&probed.samples, probed.from, probed.to);
        let shown = ProbeShown {
            rate,
            accepted_per_second: probed.accepted_per_second,
            p99: probed.latency(0.99),
            unsent: probed.unsent,
            failed: outcomes.failed(),
            rejected_share: outcomes.invalid_rejected as f64 / outcomes.tried().max(1) as f64,
            lag_growth: growth,
        };
        ProbeReport::of(rate, probed, growth, self.rule.broken(&shown))
    }
}

fn judged(probes: &[ProbeReport]) -> Vec<JudgedRate> {
    let judged = |probe: &ProbeReport| JudgedRate { rate: probe.offered_per_second, is_sustained: probe.sustained };
    probes.iter().map(judged).collect()
}

/// What it is measured on. It names no rate, because the rate changes.
async fn environment(
    run: RunId,
    options: &FindMaxOptions,
    settings: &PipelineSettings,
    pipeline: &PipelineUnderTest,
    trial: &Trial,
) -> anyhow::Result<Environment> {
    let start = Instant::now();
    let end = start + options.warm_up + options.measure;
    let model = Model::Open(OpenModel { start, end, vus: options.load.vus, rate: Rate::Constant(1.0) });
    let load = options.load.load(model, run, &pipeline.target);
    let mut environment = Environment::gather(&load, settings, pipeline, trial.store.as_ref()).await?;
    environment.load.rate = None;
    Ok(environment)
}
