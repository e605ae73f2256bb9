//! What `find-max` found: `find-max.json` for programs, and a table for people. The names in the JSON are an interface:
//! names are added, never changed.

use std::time::Duration;

use serde::Serialize;
use service::status::figures::grouped;

use crate::base::text::milliseconds;
use crate::pipeline::probe::Probed;
use crate::report::environment::Environment;
use crate::report::proof::{Proof, first_findings};
use confirmation::ConfirmationReport;

pub(crate) mod confirmation;

/// The whole result.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FindMaxReport {
    /// The run's id, as in the titles of its posts.
    pub(crate) run: String,
    /// Whether a rate was found and confirmed, every accepted post is stored as it was sent, and nothing else went
    /// wrong.
    pub(crate) passed: bool,
    /// Whether the search ended early.
    pub(crate) ended_early: bool,
    /// The rate that a run of `confirm_seconds` has sustained; null if none was made, or no rate was sustained.
    pub(crate) confirmed_rate: Option<f64>,
    /// How long such a run was measured; zero if none was wanted.
    pub(crate) confirm_seconds: f64,
    /// Those runs, in order.
    pub(crate) confirmations: Vec<ConfirmationReport>,
    /// The highest rate that is sustained, in posts per second: 95 % of the probes sustain it.
    pub(crate) max_rate: MaxRate,
    /// The rate that half of the probes sustain.
    pub(crate) half_rate: HalfRate,
    /// The highest p99 allowed.
    pub(crate) slo_ms: f64,
    /// How long each probe warmed up, and how long it then was measured.
    pub(crate) warm_up_seconds: f64,
    pub(crate) measure_seconds: f64,
    /// The rate that a short closed-loop load reached, in accepted posts per second; null if the first rate was given.
    pub(crate) closed_loop_per_second: Option<f64>,
    /// Each probe, in order.
    pub(crate) probes: Vec<ProbeReport>,
    /// The number of failed probes in which the generator was the limit.
    pub(crate) generator_limited: usize,
    /// What became of the accepted posts.
    pub(crate) proof: Option<Proof>,
    /// What else went wrong, in sentences.
    pub(crate) faults: Vec<String>,
    /// What it was measured on.
    pub(crate) environment: Environment,
}

/// The highest rate that is sustained; null where it is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct MaxRate {
    /// The estimate, which is as likely too high as too low.
    pub(crate) estimate: Option<f64>,
    /// With a probability of 95 %, the rate is between these.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    /// Probes since one rate was sustained and another one was not.
    pub(crate) probes_around: usize,
}

/// The rate that half of the probes sustain, with an interval as in [`MaxRate`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct HalfRate {
    pub(crate) estimate: Option<f64>,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

/// A probe.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProbeReport {
    pub(crate) offered_per_second: f64,
    /// Posts accepted per second in the measured time.
    pub(crate) accepted_per_second: f64,
    /// From when a post was due to its answer; null if too many posts were never sent, which is later than every limit.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// Posts that were due and never sent, because the answers to others came too late.
    pub(crate) unsent: u64,
    /// How fast the consumer's lag grew, in records a second; null if Kafka cannot be reached.
    pub(crate) lag_growth_per_second: Option<f64>,
    /// The lag at the end of the load; null if Kafka cannot be reached.
    pub(crate) lag: Option<u64>,
    /// Posts without the right answer.
    pub(crate) failed: u64,
    pub(crate) sustained: bool,
    /// Why the rate was not sustained; null if it was.
    pub(crate) why: Option<String>,
    /// Why the generator was the limit; null if it was not.
    pub(crate) generator: Option<String>,
}

impl ProbeReport {
    /// A probe, and why its rate was not sustained, if it was not.
    pub(crate) fn of(rate: f64, probed: &Probed, growth: Option<f64>, why: Option<String>) -> Self {
        let milliseconds = |share| probed.latency(share).map(|latency| latency.as_secs_f64() * 1e3);
        let at_the_end = probed.samples.iter().rfind(|sample| sample.at <= probed.to);
        Self {
            offered_per_second: rate,
            accepted_per_second: probed.accepted_per_second,
            p50_ms: milliseconds(0.50),
            p95_ms: milliseconds(0.95),
            p99_ms: milliseconds(0.99),
            unsent: probed.unsent,
            lag_growth_per_second: growth,
            lag: at_the_end.map(|sample| sample.lag),
            failed: probed.tally.outcomes.failed(),
            sustained: why.is_none(),
            why,
            generator: probed.generator.why.clone(),
        }
    }

    /// A row of the table.
    pub(crate) fn row(&self) -> String {
        let latency =
            |ms: Option<f64>| ms.map_or("never".to_owned(), |ms| milliseconds(Duration::from_secs_f64(ms / 1e3)));
        let growth = self.lag_growth_per_second.map_or("-".to_owned(), |growth| format!("{growth:+.0}"));
        format!(
            "{:>9}  {:>9}  {:>8}  {:>8}  {:>8}  {growth:>9}   {}",
            rate(self.offered_per_second),
            rate(self.accepted_per_second),
            latency(self.p50_ms),
            latency(self.p95_ms),
            latency(self.p99_ms),
            self.why.as_ref().map_or("sustained".to_owned(), |why| format!("not: {why}")),
        )
    }
}

/// The table's head, above [`ProbeReport::row`].
pub(crate) fn head() -> String {
    format!("{:>9}  {:>9}  {:>8}  {:>8}  {:>8}  {:>9}", "offered/s", "accepted", "p50", "p95", "p99", "lag +/s")
}

impl MaxRate {
    /// One line.
    fn line(&self) -> String {
        let around = format!(", from {} probes around it", self.probes_around);
        interval(self.estimate, self.low, self.high, &around)
    }
}

impl HalfRate {
    /// One line.
    fn line(&self) -> String {
        interval(self.estimate, self.low, self.high, "")
    }
}

/// A rate with its interval in one line, or whatever else is known of it.
fn interval(estimate: Option<f64>, low: Option<f64>, high: Option<f64>, from: &str) -> String {
    match (estimate, low, high) {
        (Some(estimate), Some(low), Some(high)) => {
            format!("{}/s   with 95 % between {}/s and {}/s{from}", rate(estimate), rate(low), rate(high))
        }
        (_, Some(low), _) => format!("at least {}/s: every offered rate was sustained", rate(low)),
        (_, _, Some(high)) => format!("less than {}/s: no offered rate was sustained", rate(high)),
        _ => "not known: no probe finished".to_owned(),
    }
}

impl FindMaxReport {
    /// The result for people.
    pub(crate) fn table(&self) -> String {
        let slo = milliseconds(Duration::from_secs_f64(self.slo_ms / 1e3));
        let early = if self.ended_early { ", ended early" } else { "" };
        let mut text = format!(
            "\nfind-max {}: p99 within {slo}, no failures, no growing lag; \
             {} s measured after {} s of warm-up{early}\n\n",
            self.run, self.measure_seconds, self.warm_up_seconds
        );
        text.push_str(&format!("  {:>5}  {}\n", "probe", head()));
        for (index, probe) in self.probes.iter().enumerate() {
            text.push_str(&format!("  {:>5}  {}\n", index + 1, probe.row()));
        }
        text.push('\n');
        let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<12}{value}\n"));
        if let Some(closed_loop) = self.closed_loop_per_second {
            row("closed loop", format!("{}/s accepted before the first probe", rate(closed_loop)));
        }
        row("sustained", self.sustained());
        for confirmation in &self.confirmations {
            row("  a run at", confirmation.line());
        }
        row("95 %", format!("of probes sustain {}", self.max_rate.line()));
        row("half", format!("of probes sustain {}", self.half_rate.line()));
        let failed = self.probes.iter().filter(|probe| !probe.sustained).count();
        if let Some(why) = self.generator_why() {
            row(
                "generator",
                format!(
                    "was the limit in {} of the {failed} probes that failed, so the target may sustain more: {why}",
                    self.generator_limited
                ),
            );
        }
        if let Some(proof) = &self.proof {
            row("ledger", proof.line());
        }
        for fault in &self.faults {
            row("FAILED", fault.lines().next().unwrap_or_default().trim_end_matches(" ends:").to_owned());
        }
        text.push_str(&first_findings(self.proof.iter().flat_map(|proof| &proof.findings)));
        text
    }

    /// What may be relied on.
    fn sustained(&self) -> String {
        match self.confirmed_rate {
            Some(confirmed) => {
                format!("{}/s   confirmed by a run of {} s", rate(confirmed), self.confirm_seconds)
            }
            None if self.confirm_seconds == 0.0 => "not confirmed (--confirm 0s)".to_owned(),
            None if self.confirmations.is_empty() => "not confirmed: there was no run to confirm a rate".to_owned(),
            None => format!("not confirmed: no run of {} s sustained its rate", self.confirm_seconds),
        }
    }

    /// Why the generator was the limit in the last failed probe in which it was.
    fn generator_why(&self) -> Option<&str> {
        self.probes.iter().rev().filter(|probe| !probe.sustained).find_map(|probe| probe.generator.as_deref())
    }
}

fn rate(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { grouped(rate.round() as u64) }
}

#[cfg(test)]
mod tests;
