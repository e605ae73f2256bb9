//! What a run must satisfy: pure judgement, in k6's words. A threshold is a measure, a comparison and a limit, such as
//! `p95<2000ms`. Given thresholds replace the defaults for latency and failures; the ledger's thresholds always apply.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::ledger::books::{Counts, StateCounts};
use crate::load::generator::latencies::Latencies;
use crate::load::visible::seen::Times;
use condition::{Condition, Relation};
use statistic::{Statistic, TimeUnit};

pub(crate) mod condition;
pub(crate) mod statistic;

/// These apply unless thresholds are given.
const DEFAULTS: [&str; 2] = ["p95<2000ms", "failed<1%"];

/// These always apply if the store was read.
const OF_LEDGER: [&str; 4] = ["missing==0", "duplicated==0", "changed==0", "unexpected==0"];

/// These too, of a kind whose last record of a key is its document.
const OF_STATES: [&str; 3] = ["stale==0", "out_of_order==0", "older_seen==0"];

/// These apply too, unless one on the same measure is given: who expects some may say how many.
const UNLESS_GIVEN: [&str; 3] = ["accepted>0", "dead_lettered==0", "lag_left==0"];

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// Of the accepted posts; `None` without any.
    pub(crate) latencies: Option<Latencies>,
    /// Of all posts that were sent, whatever the answer; `None` without any.
    pub(crate) all_latencies: Option<Latencies>,
    /// The share of posts that were not accepted, 0 to 1.
    pub(crate) failed_share: f64,
    /// Posts answered 2xx.
    pub(crate) accepted: u64,
    /// The same, per second of load.
    pub(crate) accepted_per_second: f64,
    /// From the last answer until everything was stored; `None` if that was not seen.
    pub(crate) drained_after: Option<Duration>,
    /// Records that the consumer had not finished at the end; `None` if Kafka was not asked.
    pub(crate) lag_left: Option<u64>,
    /// The ledger; `None` if the store was not read.
    pub(crate) counts: Option<Counts>,
    /// How long sampled posts took until they were in the store.
    pub(crate) visible: Times,
}

/// A condition on one measure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Threshold {
    measure: ThresholdMeasure,
    comparison: Relation,
    limit: f64,
    /// As it was given, without spaces.
    text: String,
}

/// What a threshold looks at, in the unit of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ThresholdMeasure {
    /// Of the accepted posts.
    Latency(Statistic, TimeUnit),
    /// Of all posts that were sent.
    AllLatency(Statistic, TimeUnit),
    Visible(Statistic, TimeUnit),
    /// In percent.
    Failed,
    Accepted,
    Rate,
    Drain(TimeUnit),
    /// From the end of a fault; only chaos has any.
    Recovered(TimeUnit),
    Missing,
    Duplicated,
    Changed,
    Unexpected,
    DeadLettered,
    Stale,
    OutOfOrder,
    OlderSeen,
    Overtaken,
    AppendedAgain,
    LagLeft,
}

/// A threshold and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ThresholdVerdict {
    /// The threshold, such as `p95<2000ms`.
    pub(crate) threshold: String,
    /// What was measured, in the threshold's unit; infinite for something that never happened, which is null in the
    /// report.
    pub(crate) value: f64,
    /// Whether it holds.
    pub(crate) holds: bool,
}

/// Judges a run by these thresholds and by those that always apply, as far as their measures are known.
pub(crate) fn judge(thresholds: &[Threshold], measured: &Measured) -> Vec<ThresholdVerdict> {
    let is_given = |of: &Threshold| thresholds.iter().any(|threshold| threshold.measure == of.measure);
    let unless_given = known(&UNLESS_GIVEN).into_iter().filter(|threshold| !is_given(threshold));
    let of_ledger =
        known(&OF_LEDGER).into_iter().chain(known(&OF_STATES)).filter(|threshold| !thresholds.contains(threshold));
    let always = unless_given.chain(of_ledger).filter(|threshold| threshold.is_known(measured));
    thresholds.iter().cloned().chain(always).map(|threshold| threshold.judge(measured)).collect()
}

/// Judges by the thresholds that always apply, where latencies have a rule of their own.
pub(crate) fn judge_ledger(accepted: u64, counts: Option<Counts>, lag_left: Option<u64>) -> Vec<ThresholdVerdict> {
    let measured = Measured {
        latencies: None,
        all_latencies: None,
        failed_share: 0.0,
        accepted,
        accepted_per_second: 0.0,
        drained_after: None,
        lag_left,
        counts,
        visible: Times::default(),
    };
    judge(&[], &measured)
}

/// The thresholds for latency and failures that apply if none is given.
pub(crate) fn defaults() -> Vec<Threshold> {
    known(&DEFAULTS)
}

fn known(texts: &[&str]) -> Vec<Threshold> {
    texts.iter().map(|text| text.parse().expect("a test reads them all")).collect()
}

impl ThresholdVerdict {
    /// The verdict on something that must not occur.
    pub(crate) fn none(threshold: &str, count: u64) -> Self {
        Self { threshold: threshold.to_owned(), value: count as f64, holds: count == 0 }
    }
}

impl Threshold {
    /// Whether it is about what is stored, which only reconciling shows.
    pub(crate) fn is_of_ledger(&self) -> bool {
        matches!(
            self.measure,
            ThresholdMeasure::Missing
                | ThresholdMeasure::Duplicated
                | ThresholdMeasure::Changed
                | ThresholdMeasure::Unexpected
                | ThresholdMeasure::DeadLettered
        ) || self.is_of_states()
    }

    /// Whether it is about a kind whose last record of a key is its document.
    pub(crate) fn is_of_states(&self) -> bool {
        matches!(
            self.measure,
            ThresholdMeasure::Stale
                | ThresholdMeasure::OutOfOrder
                | ThresholdMeasure::OlderSeen
                | ThresholdMeasure::Overtaken
                | ThresholdMeasure::AppendedAgain
        )
    }

    fn is_known(&self, measured: &Measured) -> bool {
        match self.measure {
            ThresholdMeasure::LagLeft => measured.lag_left.is_some(),
            ThresholdMeasure::OlderSeen => {
                measured.counts.and_then(|counts| counts.states).is_some_and(|states| states.older_seen.is_some())
            }
            _ if self.is_of_states() => measured.counts.is_some_and(|counts| counts.states.is_some()),
            _ => !self.is_of_ledger() || measured.counts.is_some(),
        }
    }

    /// Whether it is about when all was stored, which only Kafka or the store shows.
    pub(crate) fn is_of_drain(&self) -> bool {
        matches!(self.measure, ThresholdMeasure::Drain(_) | ThresholdMeasure::LagLeft)
    }

    /// Whether it is about what was in the store when, which only sampling shows.
    pub(crate) fn is_of_visibility(&self) -> bool {
        matches!(self.measure, ThresholdMeasure::Visible(..) | ThresholdMeasure::OlderSeen)
    }

    /// Whether it is about recoveries from faults, which only chaos injects.
    pub(crate) fn is_of_recovery(&self) -> bool {
        matches!(self.measure, ThresholdMeasure::Recovered(_))
    }

    /// The verdict on the longest recovery from a fault, which is `None` if one of them had none, or if there was no
    /// fault.
    pub(crate) fn judge_recovery(&self, longest: Option<Duration>) -> ThresholdVerdict {
        match (self.measure, longest) {
            (ThresholdMeasure::Recovered(unit), Some(longest)) => self.verdict_on(unit.of(longest)),
            _ => self.verdict_on(f64::INFINITY),
        }
    }

    fn judge(&self, measured: &Measured) -> ThresholdVerdict {
        self.verdict_on(self.measure.value(measured))
    }

    fn verdict_on(&self, value: f64) -> ThresholdVerdict {
        let holds = self.comparison.holds(value, self.limit);
        ThresholdVerdict { threshold: self.text.clone(), value, holds }
    }
}

impl ThresholdMeasure {
    /// What was measured; infinite where that never happened, or cannot be known.
    fn value(self, measured: &Measured) -> f64 {
        let time = |latencies: Option<Latencies>, statistic: Statistic, unit: TimeUnit| {
            latencies.map_or(f64::INFINITY, |latencies| unit.of(statistic.of(&latencies)))
        };
        let count = |count: fn(&Counts) -> u64| measured.counts.as_ref().map_or(f64::INFINITY, |all| count(all) as f64);
        let of_states = |count: fn(&StateCounts) -> u64| {
            let states = measured.counts.and_then(|counts| counts.states);
            states.map_or(f64::INFINITY, |states| count(&states) as f64)
        };
        match self {
            ThresholdMeasure::Latency(statistic, unit) => time(measured.latencies, statistic, unit),
            ThresholdMeasure::AllLatency(statistic, unit) => time(measured.all_latencies, statistic, unit),
            ThresholdMeasure::Visible(statistic, unit) => {
                statistic.of_visible(&measured.visible).map_or(f64::INFINITY, |time| unit.of(time))
            }
            ThresholdMeasure::Failed => measured.failed_share * 100.0,
            ThresholdMeasure::Accepted => measured.accepted as f64,
            ThresholdMeasure::Rate => measured.accepted_per_second,
            ThresholdMeasure::Drain(unit) => measured.drained_after.map_or(f64::INFINITY, |after| unit.of(after)),
            // Known only to `judge_recovery`.
            ThresholdMeasure::Recovered(_) => f64::INFINITY,
            ThresholdMeasure::Missing => count(|counts| counts.missing),
            ThresholdMeasure::Duplicated => count(|counts| counts.duplicated),
            ThresholdMeasure::Changed => count(|counts| counts.changed),
            ThresholdMeasure::Unexpected => count(|counts| counts.unexpected),
            ThresholdMeasure::DeadLettered => count(|counts| counts.dead_lettered),
            ThresholdMeasure::Stale => of_states(|states| states.stale),
            ThresholdMeasure::OutOfOrder => of_states(|states| states.out_of_order),
            ThresholdMeasure::OlderSeen => {
                let older_seen = measured.counts.and_then(|counts| counts.states?.older_seen);
                older_seen.map_or(f64::INFINITY, |older| older as f64)
            }
            ThresholdMeasure::Overtaken => of_states(|states| states.overtaken),
            ThresholdMeasure::AppendedAgain => of_states(|states| states.appended_again),
            ThresholdMeasure::LagLeft => measured.lag_left.map_or(f64::INFINITY, |lag| lag as f64),
        }
    }

    /// The measure of this name with the unit of its limit.
    fn named(name: &str, unit: &str) -> Result<Self, String> {
        let time = || TimeUnit::named(unit).ok_or(format!("a time needs its unit, such as {name}<2000ms or {name}<2s"));
        let plain = |measure| if unit.is_empty() { Ok(measure) } else { Err(format!("{name} takes a number alone")) };
        if let Some(statistic) = Statistic::named(name) {
            return time().map(|unit| ThresholdMeasure::Latency(statistic, unit));
        }
        if let Some(statistic) = name.strip_prefix("all_").and_then(Statistic::named) {
            return time().map(|unit| ThresholdMeasure::AllLatency(statistic, unit));
        }
        if let Some(statistic) = name.strip_prefix("visible_").and_then(Statistic::named) {
            return time().map(|unit| ThresholdMeasure::Visible(statistic, unit));
        }
        match name {
            "drain" => time().map(ThresholdMeasure::Drain),
            "recovered" => time().map(ThresholdMeasure::Recovered),
            "failed" if unit == "%" => Ok(ThresholdMeasure::Failed),
            "failed" => Err("failures are limited in percent, such as failed<1%".to_owned()),
            "accepted" => plain(ThresholdMeasure::Accepted),
            "rate" => plain(ThresholdMeasure::Rate),
            "missing" => plain(ThresholdMeasure::Missing),
            "duplicated" => plain(ThresholdMeasure::Duplicated),
            "changed" => plain(ThresholdMeasure::Changed),
            "unexpected" => plain(ThresholdMeasure::Unexpected),
            "dead_lettered" => plain(ThresholdMeasure::DeadLettered),
            "stale" => plain(ThresholdMeasure::Stale),
            "out_of_order" => plain(ThresholdMeasure::OutOfOrder),
            "older_seen" => plain(ThresholdMeasure::OlderSeen),
            "overtaken" => plain(ThresholdMeasure::Overtaken),
            "appended_again" => plain(ThresholdMeasure::AppendedAgain),
            "lag_left" => plain(ThresholdMeasure::LagLeft),
            _ => Err("it must start with p50, p90, p95, p99, p99.9, max, avg, one of these after all_ or visible_, \
                      failed, accepted, rate, drain, recovered, missing, duplicated, changed, unexpected, \
                      dead_lettered, stale, out_of_order, older_seen, overtaken, appended_again or lag_left"
                .to_owned()),
        }
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text: String = text.split_whitespace().collect();
        let Condition { name, relation, limit, unit } = Condition::read(&text)?;
        Ok(Self { measure: ThresholdMeasure::named(name, unit)?, comparison: relation, limit, text })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
