//! Confirms a rate: a run of some minutes, as `loadtest run` makes them, keeps to the rule of the probes, and its
//! report is kept. If it does not, the rate is lowered and tried again. On servers that the lab has started, every such
//! run has services and a [place](crate::pipeline::place) of its own, so that its ledger is as strict as any run's.

use std::path::Path;
use std::time::{Duration, Instant};

use super::bench::FindMaxBench;
use super::judge::{ProbeShown, Rule};
use super::search::round;
use crate::command::measured::{self, MeasuredLoad};
use crate::command::trial::Trial;
use crate::ledger::post::RunId;
use crate::ledger::reconcile::CLOCK_SKEW;
use crate::load::generator::Load;
use crate::load::pacing::{Model, OpenModel, Rate};
use crate::load::share::RunShare;
use crate::pipeline::lag::{LagSample, LagWatch, growth};
use crate::pipeline::place::TrialPlace;
use crate::pipeline::settings::PipelineSettings;
use crate::pipeline::under_test::PipelineUnderTest;
use crate::report::environment::Environment;
use crate::report::files::{self, make_directory};
use crate::report::find_max::confirmation::ConfirmationReport;
use crate::report::run::RunReport;

/// How often the rate is lowered at most.
const LOWERED: usize = 3;

/// A rate that was not confirmed is lowered by at least this share.
const LEAST_STEP: f64 = 0.1;

/// What was confirmed.
#[derive(Default)]
pub(crate) struct Confirmed {
    /// `None` if no rate was.
    pub(crate) rate: Option<f64>,
    pub(crate) confirmations: Vec<ConfirmationReport>,
    /// What went wrong besides the rate, in sentences.
    pub(crate) faults: Vec<String>,
}

/// Confirms this rate, or a lower one; `low` is the lower end of its interval.
pub(crate) async fn confirm(
    bench: &FindMaxBench<'_>,
    pipeline: &mut PipelineUnderTest,
    rate: f64,
    low: f64,
) -> anyhow::Result<Confirmed> {
    let (mut rate, mut confirmed) = (round(rate), Confirmed::default());
    for attempt in 1..=LOWERED + 1 {
        let name = format!("confirm-{attempt}");
        let seconds = bench.options.confirm.as_secs_f64();
        eprintln!("\na run of {seconds} s at {rate} posts per second, to confirm that it is sustained");
        let directory = make_directory(Some(&bench.directory.join(&name)), &name)?;
        let run = match bench.run_at(rate, &name, &directory, pipeline).await {
            Err(_) if bench.stop.is_cancelled() => break,
            run => run?,
        };
        let ConfirmedRun { report, growth, why, is_proven } = run;
        files::write(&report, &directory)?;
        let confirmation = ConfirmationReport::of(rate, &report, growth, why, name);
        eprintln!("{}", confirmation.line());
        let is_sustained = confirmation.sustained;
        if !is_proven && !bench.stop.is_cancelled() {
            confirmed.faults.push(format!("the run {}: see its report", confirmation.report));
        }
        confirmed.confirmations.push(confirmation);
        if is_sustained {
            confirmed.rate = Some(rate);
        }
        // No lower rate makes good what is wrong with the posts of this one.
        if is_sustained || !is_proven || bench.stop.is_cancelled() {
            break;
        }
        rate = lowered(rate, low);
    }
    Ok(confirmed)
}

/// The next rate: half-way, in its logarithm, to the lower end of the interval, so that three steps nearly reach it.
fn lowered(rate: f64, low: f64) -> f64 {
    round((rate * low).sqrt().min(rate * (1.0 - LEAST_STEP)))
}

/// A run at a rate.
struct ConfirmedRun {
    report: RunReport,
    /// How fast the lag grew, in records a second.
    growth: Option<f64>,
    /// Why the rate was not sustained; nothing if it was.
    why: Option<String>,
    /// Whether nothing else is wrong with it.
    is_proven: bool,
}

impl FindMaxBench<'_> {
    async fn run_at(
        &self,
        rate: f64,
        name: &str,
        directory: &Path,
        pipeline: &mut PipelineUnderTest,
    ) -> anyhow::Result<ConfirmedRun> {
        let FindMaxBench { options, live, stop, .. } = *self;
        let place = self.place(name, pipeline)?;
        let settings = match &place {
            Some(place) => PipelineSettings::of(self.options.load.kind, &place.within(self.lookup))?,
            None => self.settings.clone(),
        };
        pipeline.start_again(place.as_ref(), directory, stop).await?;
        let (run, sampled) = (RunId::fresh(), options.load.sample_share);
        let (plan, whole) = (options.load.plan(run), RunShare::WHOLE);
        let trial = Trial::prepare(plan, CLOCK_SKEW, &settings, pipeline, whole, sampled, directory).await?;
        let start = Instant::now();
        let end = start + options.warm_up + options.confirm;
        let model = Model::Open(OpenModel { start, end, vus: options.load.vus, rate: Rate::Constant(rate) });
        let load = Load { warm_up: options.warm_up, ..options.load.load(model, run, &pipeline.target) };
        let environment = Environment::gather(&load, &settings, pipeline, trial.store.as_ref()).await?;
        let lag = trial.kafka.clone().map(|kafka| LagWatch::new(kafka, &trial.names.topic));
        let mut samples = Vec::new();
        let beside = LagWatch::watch_if_seen(lag.as_ref(), &mut samples);
        let (plain, drain_timeout) = (options.load.plain, options.outcome.drain_timeout);
        let measured = MeasuredLoad { load, environment, plain, drain_timeout, thresholds: &[] };
        let (report, began) = measured::measure(trial, measured, pipeline, live, stop, beside).await?;
        let rule = Rule::of(options.slo, options.confirm, &settings);
        Ok(judged(rate, report, &rule, &samples, began + options.warm_up))
    }

    /// A place of its own, on servers that are the lab's own; topics of others may have settings that matter.
    fn place(&self, name: &str, pipeline: &PipelineUnderTest) -> anyhow::Result<Option<TrialPlace>> {
        let stack = pipeline.stack.as_ref().filter(|stack| !stack.brokers.is_empty() && stack.store.is_some());
        let kind = self.options.load.kind;
        stack.map(|stack| TrialPlace::of(kind, format!("find-max-{}-{name}", self.run), stack.mongo_uri())).transpose()
    }
}

/// Judges a run as a probe is judged, and adds that to its report.
fn judged(rate: f64, mut report: RunReport, rule: &Rule, samples: &[LagSample], from: Instant) -> ConfirmedRun {
    let growth = growth(samples, from, from + rule.measure);
    let outcomes = report.outcomes;
    let shown = ProbeShown {
        rate,
        accepted_per_second: report.accepted_per_second,
        p99: report.accepted_latency_ms.map(|latency| Duration::from_secs_f64(latency.p99 / 1e3)),
        unsent: 0,
        failed: outcomes.failed(),
        rejected_share: outcomes.invalid_rejected as f64 / outcomes.tried().max(1) as f64,
        lag_growth: growth,
    };
    let is_proven = report.passed;
    rule.verdicts(&shown).into_iter().for_each(|verdict| report.add(verdict));
    let why = rule.broken(&shown).or_else(|| report.ended_early.then(|| "it ended early".to_owned()));
    ConfirmedRun { why: why.or_else(|| (!is_proven).then(|| "it failed".to_owned())), report, growth, is_proven }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_steps_nearly_reach_the_lower_end() {
        let steps = std::iter::successors(Some(10_000.0), |rate| Some(lowered(*rate, 5_000.0)));
        assert_eq!(steps.take(4).collect::<Vec<_>>(), [10_000.0, 7_070.0, 5_950.0, 5_360.0]);
        assert_eq!(lowered(1_000.0, 990.0), 900.0, "a smaller step would change nothing");
    }

    proptest! {
        #[test]
        fn every_step_goes_down_by_a_tenth_or_more(rate in 1.0_f64..1e6, low in 0.01_f64..=1.0) {
            let next = lowered(rate, rate * low);
            prop_assert!(next <= rate * 0.9 * 1.006, "{} after {}", next, rate);
            prop_assert!(next >= rate * low.min(0.9) * 0.994, "{} after {}", next, rate);
        }
    }
}
