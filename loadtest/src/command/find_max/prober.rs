//! Applies probes to a pipeline that stays up, one at a time, until the search is over, and then finds out what became
//! of the posts of all of them.

use std::time::Instant;

use super::bench::FindMaxBench;
use super::fit::JudgedRate;
use super::judge::{ProbeShown, Rule};
use super::search::{NextProbe, SearchPlan};
use crate::command::prove::{TrialEnd, Unproven, prove};
use crate::command::trial::{Trial, failure};
use crate::ledger::reconcile::CLOCK_SKEW;
use crate::load::generator::wrong::WrongAnswers;
use crate::load::share::RunShare;
use crate::pipeline::lag::{LagWatch, growth};
use crate::pipeline::observer::Observer;
use crate::pipeline::probe::{self, Gear, LoadProbe, Offer, Probed};
use crate::pipeline::under_test::PipelineUnderTest;
use crate::report::environment::Environment;
use crate::report::find_max::{ProbeReport, head};
use crate::report::proof::Proof;

/// The first rate, as a share of what a closed loop gets, which is about the most that can be sustained.
const FIRST_SHARE: f64 = 0.7;

/// No post is looked up in the store meanwhile: only the probes must load it.
const NO_SAMPLES: f64 = 0.0;

/// What a search has found.
pub(crate) struct Searched {
    pub(crate) closed_loop_per_second: Option<f64>,
    pub(crate) probes: Vec<ProbeReport>,
    /// What became of the posts of all probes.
    pub(crate) proof: Proof,
    /// What else went wrong, in sentences.
    pub(crate) faults: Vec<String>,
    /// Whether a service failed, which ended the search.
    pub(crate) has_failed: bool,
    pub(crate) environment: Environment,
}

/// Searches the rate with services that the lab has started, or with those that run already. The former are stopped
/// afterwards.
pub(crate) async fn search(bench: &FindMaxBench<'_>, pipeline: &mut PipelineUnderTest) -> anyhow::Result<Searched> {
    let FindMaxBench { run, options, settings, directory, live, stop, .. } = *bench;
    let plan = options.load.plan(run);
    let trial = Trial::prepare(plan, CLOCK_SKEW, settings, pipeline, RunShare::WHOLE, NO_SAMPLES, directory).await?;
    let environment = bench.environment(pipeline, &trial).await?;
    let lag = trial.kafka.clone().map(|kafka| LagWatch::new(kafka, &trial.names.topic));
    if lag.is_none() {
        eprintln!("without KAFKA_BROKER the lag is not seen: only latency and failures are judged");
    }
    // Our own services leave exact totals.
    let mut observer =
        pipeline.services.is_none().then(|| Observer::new(options.load.kind, pipeline.metrics.clone(), None));
    if let Some(observer) = &mut observer {
        observer.begin().await;
    }
    let load_of = |model| options.load.load(model, run, &pipeline.target);
    let mut prober = Prober {
        gear: Gear { load: &load_of, vus: options.load.vus, recorder: &trial.recorder, lag: lag.as_ref(), live, stop },
        rule: Rule::of(options.slo, options.measure, settings),
        bench,
        pipeline,
        closed_loop_per_second: None,
        probes: Vec::new(),
        failure: None,
        wrong: WrongAnswers::default(),
    };
    prober.search().await?;
    let Prober { closed_loop_per_second, probes, failure, wrong, .. } = prober;
    if failure.is_none() {
        trial.drain(Instant::now(), trial.recorder.accepted(), options.outcome.drain_timeout).await?;
    }
    let has_failed = failure.is_some();
    let unproven = Unproven { trial, failure, wrong };
    let TrialEnd { proof, mut faults } = prove(unproven, &mut pipeline.services).await?;
    if let Some(mut observer) = observer {
        observer.end().await;
        faults.extend(observer.undercounted(proof.accepted));
    }
    Ok(Searched { closed_loop_per_second, probes, proof, faults, has_failed, environment })
}

/// The rates with their verdicts.
pub(crate) fn judged(probes: &[ProbeReport]) -> Vec<JudgedRate> {
    let judged = |probe: &ProbeReport| JudgedRate { rate: probe.offered_per_second, is_sustained: probe.sustained };
    probes.iter().map(judged).collect()
}

/// A search in progress.
struct Prober<'a> {
    gear: Gear<'a>,
    rule: Rule,
    bench: &'a FindMaxBench<'a>,
    pipeline: &'a PipelineUnderTest,
    closed_loop_per_second: Option<f64>,
    probes: Vec<ProbeReport>,
    /// Why the pipeline has failed, if it has.
    failure: Option<String>,
    wrong: WrongAnswers,
}

impl Prober<'_> {
    /// Applies probes until the search is over, somebody stops it, or the pipeline fails.
    async fn search(&mut self) -> anyhow::Result<()> {
        let options = self.bench.options;
        if options.start.is_none() {
            eprintln!("as fast as it goes, to know where to start");
            self.closed_loop_per_second = Some(self.probe(Offer::AsFastAsItGoes).await?.accepted_per_second);
        }
        let start = options.start.or(self.closed_loop_per_second.map(|rate| rate * FIRST_SHARE));
        let plan = SearchPlan { start: start.unwrap_or_default().max(1.0), repeats: options.repeats };
        eprintln!("{}", head());
        while self.failure.is_none() && !self.gear.stop.is_cancelled() {
            let NextProbe::Probe(rate) = plan.next(&judged(&self.probes)) else { break };
            let probed = self.probe(Offer::Rate(rate)).await?;
            // A probe that was cut short says nothing.
            if self.failure.is_none() && !self.gear.stop.is_cancelled() {
                let probe = self.judge(rate, &probed);
                eprintln!("{}", probe.row());
                self.probes.push(probe);
            }
        }
        Ok(())
    }

    /// Applies one probe, and waits until the consumer has caught up, at most for `--drain-timeout`.
    async fn probe(&mut self, offer: Offer) -> anyhow::Result<Probed> {
        let options = self.bench.options;
        // What has not been sent by then is too late already.
        let probe = LoadProbe { offer, warm_up: options.warm_up, measure: options.measure, patience: options.slo };
        let mut probed = probe::apply(probe, &self.gear, failure(&self.pipeline.services)).await?;
        if let (Some(lag), None) = (self.gear.lag, &probed.failure) {
            // The last batch waits for CONSUMER_BATCH_INTERVAL; the next probe fills it.
            let calm = u64::try_from(self.rule.batch_messages).unwrap_or(u64::MAX);
            tokio::select! {
                calm = lag.until_calm(calm, options.outcome.drain_timeout, &mut probed.samples) => drop(calm?),
                reason = failure(&self.pipeline.services) => probed.failure = Some(reason),
                () = self.gear.stop.cancelled() => {}
            }
        }
        self.failure = probed.failure.take();
        self.wrong += probed.all.wrong;
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
