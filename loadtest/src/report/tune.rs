//! What `tune` has found: `tune.json` for programs, `tuned.env` for the next start, and a table for people. The names in the
//! JSON are an interface: they are added to, not changed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::base::text::{grouped, milliseconds};
use crate::command::tune::bench::Tried;
use crate::command::tune::compare::Ratio;
use crate::command::tune::knobs::{KNOBS, Setting, Space};
use crate::command::tune::search::{Search, Stage, turned};
use front::{SettingReport, by_setting, front};

pub(crate) mod front;
pub(crate) mod page;

/// The whole.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TuneReport {
    #[serde(flatten)]
    pub(crate) surroundings: Surroundings,
    /// Whether no accepted post is missing in any trial.
    pub(crate) passed: bool,
    /// The settings at the start.
    pub(crate) start: Variables,
    /// What to set: the best settings, if they are surely better than the start, else the start.
    pub(crate) recommended: Variables,
    /// The best settings that were found, sure or not.
    pub(crate) best: Variables,
    /// The best settings' rate over that of the start, tried in turns at the end; null if they are the same, or the time was
    /// over before.
    pub(crate) gain: Option<RatioReport>,
    /// The standard deviation of a single trial, as a share of its rate; null if nothing was tried twice.
    pub(crate) noise: Option<f64>,
    /// What each value that was tried alone is worth.
    pub(crate) worth: Vec<WorthReport>,
    /// The settings that no other one exceeds both in throughput and in latency, the fastest answer first.
    pub(crate) front: Vec<SettingReport>,
    /// Every setting that was tried.
    pub(crate) settings: Vec<SettingReport>,
    /// Every trial, in order.
    pub(crate) trials: Vec<TrialReport>,
}

/// What it was measured on, and how.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Surroundings {
    pub(crate) run: String,
    pub(crate) ended_early: bool,
    /// What the search has taken.
    pub(crate) seconds: f64,
    pub(crate) warm_up_seconds: f64,
    pub(crate) measure_seconds: f64,
    pub(crate) virtual_users: u32,
    pub(crate) stack: String,
    pub(crate) store: String,
    pub(crate) version: &'static str,
    pub(crate) cores: usize,
}

type Variables = BTreeMap<&'static str, String>;

/// A ratio of rates, and the interval that holds it with a probability of 95 %; the interval's ends are null where it would
/// say nothing, because too little was tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct RatioReport {
    pub(crate) ratio: f64,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) trials: usize,
}

/// What one value of one variable is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct WorthReport {
    pub(crate) variable: &'static str,
    pub(crate) from: String,
    pub(crate) to: String,
    /// What else differed from the start meanwhile, as `NAME=value`; empty if nothing did.
    pub(crate) beside: String,
    #[serde(flatten)]
    pub(crate) ratio: RatioReport,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TrialReport {
    pub(crate) number: usize,
    pub(crate) stage: Stage,
    /// What differs from the start, as `NAME=value`; empty for the start itself.
    pub(crate) differs: String,
    /// Null if it could not be measured.
    pub(crate) stored_per_second: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) accepted: u64,
    pub(crate) failed: u64,
    /// Accepted posts that are neither stored, dead-lettered, nor still in Kafka, by the services' own counts; null if they did
    /// not tell.
    pub(crate) missing: Option<u64>,
    /// Records that were still in Kafka when the trial ended.
    pub(crate) lag_left: u64,
    /// Why the generator was the limit; null if it was not.
    pub(crate) generator: Option<String>,
    /// What went wrong; null if nothing did.
    pub(crate) fault: Option<String>,
}

/// An interval whose ends differ by this factor says nothing.
const WIDEST: f64 = 100.0;

impl RatioReport {
    fn of(ratio: Ratio) -> Self {
        let Ratio { ratio, low, high, trials } = ratio;
        let says_something = high < low * WIDEST;
        Self { ratio, low: says_something.then_some(low), high: says_something.then_some(high), trials }
    }

    /// `1.04 (0.98 to 1.10)`.
    pub(crate) fn told(&self) -> String {
        match (self.low, self.high) {
            (Some(low), Some(high)) => format!("{:.2} ({low:.2} to {high:.2})", self.ratio),
            _ => format!("{:.2} (tried too little)", self.ratio),
        }
    }
}

impl TrialReport {
    pub(crate) fn of(n: usize, stage: Stage, space: &Space, setting: &Setting, start: &Setting, tried: &Tried) -> Self {
        Self {
            number: n,
            stage,
            differs: space.difference(setting, start),
            stored_per_second: tried.shown.map(|shown| shown.stored_per_second),
            p99_ms: tried.shown.map(|shown| shown.p99_ms),
            accepted: tried.accepted,
            failed: tried.failed,
            missing: tried.missing,
            lag_left: tried.lag_left,
            generator: tried.generator.clone(),
            fault: tried.fault.as_ref().map(|fault| fault.lines().next().unwrap_or_default().to_owned()),
        }
    }

    /// A line of progress.
    pub(crate) fn row(&self) -> String {
        let shown = match (self.stored_per_second, self.p99_ms) {
            (Some(stored), Some(p99_ms)) => format!("{:>8}/s  p99 {:>8}", whole(stored), latency(p99_ms)),
            _ => "not measured".to_owned(),
        };
        let lag = if self.lag_left > 0 { format!("  lag left {}", grouped(self.lag_left)) } else { String::new() };
        let differs = if self.differs.is_empty() { "the start" } else { &self.differs };
        format!("{:>4}  {:<8}  {shown}{lag}  {differs}", self.number, stage(self.stage))
    }
}

impl TuneReport {
    pub(crate) fn of(
        search: &Search,
        space: &Space,
        start: &Setting,
        trials: Vec<TrialReport>,
        surroundings: Surroundings,
    ) -> Self {
        let worth = search.worth().into_iter().filter_map(|worth| {
            let knob = turned(&worth.setting, &worth.centre)?;
            Some(WorthReport {
                variable: KNOBS[knob].variable,
                from: space.value(knob, &worth.centre).to_owned(),
                to: space.value(knob, &worth.setting).to_owned(),
                beside: space.difference(&worth.centre, start),
                ratio: RatioReport::of(worth.ratio),
            })
        });
        let variables = |setting: &Setting| space.variables(setting).into_iter().collect();
        let settings = by_setting(&trials);
        Self {
            passed: trials.iter().all(|trial| trial.missing.unwrap_or(0) == 0),
            start: variables(start),
            recommended: variables(search.recommended()),
            best: variables(search.best()),
            gain: search.gain().map(RatioReport::of),
            noise: search.noise(),
            worth: worth.collect(),
            front: front(&settings),
            settings,
            trials,
            surroundings,
        }
    }

    /// The recommended settings, for `env`, a shell, or Compose.
    pub(crate) fn env_file(&self) -> String {
        let mut text = format!("# {}\n", self.verdict());
        for Knobbed { variable, value } in self.knobs() {
            text.push_str(&format!("{variable}={value}\n"));
        }
        text
    }

    /// One sentence.
    pub(crate) fn verdict(&self) -> String {
        let run = &self.surroundings.run;
        match &self.gain {
            Some(gain) if self.recommended != self.start => {
                format!("tune {run}: these settings store {} times what the start did", gain.told())
            }
            Some(gain) => format!(
                "tune {run}: the start; the best settings found are not surely better, {} times the start",
                gain.told()
            ),
            None if self.best == self.start => format!("tune {run}: the start; nothing better was found"),
            None => format!("tune {run}: the start; the time was over before what looked better was confirmed"),
        }
    }

    /// The result for people.
    pub(crate) fn table(&self) -> String {
        let Surroundings { run, seconds, measure_seconds, warm_up_seconds, virtual_users, ended_early, .. } =
            &self.surroundings;
        let early = if *ended_early { ", ended early" } else { "" };
        let mut text = format!(
            "\ntune {run}: {} trials in {seconds:.0} s, each {virtual_users} users for {measure_seconds} s after \
             {warm_up_seconds} s of warm-up{early}\n\n  what each knob is worth alone: stored per second, over that of what stands around it\n\n",
            self.trials.len(),
        );
        let mut beside = None;
        for worth in &self.worth {
            if beside != Some(&worth.beside) {
                beside = Some(&worth.beside);
                let centre = if worth.beside.is_empty() { "the start" } else { &worth.beside };
                text.push_str(&format!("  around {centre}\n"));
            }
            let change = format!("{} -> {}", worth.from, worth.to);
            text.push_str(&format!("    {:<28}{change:<20}{}\n", worth.variable, worth.ratio.told()));
        }
        text.push_str("\n  throughput against latency: no setting is better in both\n");
        for setting in &self.front {
            text.push_str(&format!("    {}\n", setting.row()));
        }
        if let Some(noise) = self.noise {
            text.push_str(&format!("\n  noise       {:.0} % from one trial to the next\n", noise * 100.0));
        }
        text.push_str(&format!("  ledger      {}\n", self.ledger()));
        text.push_str(&format!("\n  {}\n\n", self.verdict()));
        for Knobbed { variable, value } in self.knobs() {
            let before = &self.start[variable];
            let changed = if *before == value { String::new() } else { format!("   # was {before}") };
            text.push_str(&format!("  {variable}={value}{changed}\n"));
        }
        text
    }

    /// What became of the accepted posts.
    pub(crate) fn ledger(&self) -> String {
        let sum = |count: fn(&TrialReport) -> u64| grouped(self.trials.iter().map(count).sum());
        let untold = self.trials.iter().filter(|trial| trial.missing.is_none()).count();
        let untold = if untold > 0 { format!(", {untold} trials did not tell their counts") } else { String::new() };
        format!(
            "{} accepted, {} missing by the services' own counts, {} left in Kafka when their trial ended{untold}",
            sum(|trial| trial.accepted),
            sum(|trial| trial.missing.unwrap_or(0)),
            sum(|trial| trial.lag_left),
        )
    }

    /// The recommended settings, in the order of the knobs.
    pub(crate) fn knobs(&self) -> impl Iterator<Item = Knobbed<'_>> {
        KNOBS.iter().map(|knob| Knobbed { variable: knob.variable, value: &self.recommended[knob.variable] })
    }
}

/// A variable with its recommended value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knobbed<'a> {
    pub(crate) variable: &'static str,
    pub(crate) value: &'a str,
}

pub(crate) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Starts => "starts",
        Stage::Screen => "screen",
        Stage::Combine => "combine",
        Stage::Confirm => "confirm",
    }
}

pub(crate) fn whole(rate: f64) -> String {
    grouped(rate.round() as u64)
}

pub(crate) fn latency(ms: f64) -> String {
    milliseconds(Duration::from_secs_f64(ms.max(0.0) / 1e3))
}

#[cfg(test)]
pub(crate) mod tests;
