//! What `tune` found: `tune.json` for programs, `tuned.env` for the next start, and a table for people. The names in
//! the JSON are an interface: names are added, never changed.

use serde::Serialize;
use service::status::figures::grouped;

use crate::pipeline::settings::Variables;
use crate::report::proof::{Proof, first_findings};
use front::SettingReport;
use trial::{TrialReport, latency};

pub(crate) mod front;
pub(crate) mod page;
pub(crate) mod trial;

/// The whole result.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TuneReport {
    #[serde(flatten)]
    pub(crate) surroundings: Surroundings,
    /// Whether every accepted post of every trial is stored as it was sent, and nothing else went wrong with one that
    /// started.
    pub(crate) passed: bool,
    /// The settings at the start.
    pub(crate) start: Variables,
    /// What to set: the best settings, if they are certainly better than the start, else the start. Settings whose p99
    /// is within the SLO are better than any whose p99 is beyond it.
    pub(crate) recommended: Variables,
    /// The best settings found, certain or not.
    pub(crate) best: Variables,
    /// The best settings' rate divided by the start's, tried in turns at the end; null if they are the same, or if time
    /// ran out before.
    pub(crate) gain: Option<RatioReport>,
    /// The median p99 of both, in milliseconds, in the same turns.
    pub(crate) best_p99_ms: Option<f64>,
    pub(crate) start_p99_ms: Option<f64>,
    /// The standard deviation of a single trial, as a share of its rate; null if nothing was tried twice.
    pub(crate) noise: Option<f64>,
    /// The worth of each value that was tried alone.
    pub(crate) worth: Vec<WorthReport>,
    /// The settings that no other one exceeds in both throughput and latency, the lowest latency first.
    pub(crate) front: Vec<SettingReport>,
    /// Every setting that was tried.
    pub(crate) settings: Vec<SettingReport>,
    /// Every trial, in order.
    pub(crate) trials: Vec<TrialReport>,
    /// The variables that were searched, in the order of presentation.
    #[serde(skip)]
    pub(crate) variables: Vec<&'static str>,
}

/// What it was measured on, and how.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Surroundings {
    pub(crate) run: String,
    pub(crate) ended_early: bool,
    /// How long the search took.
    pub(crate) seconds: f64,
    pub(crate) warm_up_seconds: f64,
    pub(crate) measure_seconds: f64,
    /// The longest p99 of settings that are recommended, in milliseconds.
    pub(crate) slo_ms: f64,
    pub(crate) virtual_users: u32,
    pub(crate) stack: String,
    pub(crate) store: String,
    pub(crate) version: &'static str,
    pub(crate) cores: usize,
}

/// A ratio of rates, and the interval that contains it with a probability of 95 %; the interval's ends are null if too
/// little was tried to know them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct RatioReport {
    pub(crate) ratio: f64,
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    pub(crate) trials: usize,
}

/// The worth of one value of one variable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct WorthReport {
    pub(crate) variable: &'static str,
    pub(crate) from: String,
    pub(crate) to: String,
    /// What else differed from the start at the time, as `NAME=value`; empty if nothing did.
    pub(crate) beside: String,
    #[serde(flatten)]
    pub(crate) ratio: RatioReport,
}

impl RatioReport {
    /// `1.04 (0.98 to 1.10)`.
    pub(crate) fn text(&self) -> String {
        match (self.low, self.high) {
            (Some(low), Some(high)) => format!("{:.2} ({low:.2} to {high:.2})", self.ratio),
            _ => format!("{:.2} (tried too little)", self.ratio),
        }
    }
}

impl TuneReport {
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
        let is_start = self.recommended == self.start;
        match &self.gain {
            Some(gain) if !is_start => {
                let gain = gain.text();
                format!("tune {run}: these settings store {gain} times as fast as the start{}", self.latencies())
            }
            Some(gain) => format!(
                "tune {run}: the start; the best settings found are not certainly better, {} times the start{}",
                gain.text(),
                self.latencies()
            ),
            None if self.best == self.start => format!("tune {run}: the start; nothing better was found"),
            None => format!("tune {run}: the start; time ran out before better-looking settings were confirmed"),
        }
    }

    /// What the latencies say about the best settings and the start, where one of them is beyond the SLO.
    fn latencies(&self) -> String {
        let (Some(best), Some(start)) = (self.best_p99_ms, self.start_p99_ms) else { return String::new() };
        let slo_ms = self.surroundings.slo_ms;
        let (best_text, start_text, slo) = (latency(best), latency(start), latency(slo_ms));
        match (best <= slo_ms, start <= slo_ms) {
            (true, true) => String::new(),
            (true, false) => {
                format!(", and their p99 of {best_text} is within {slo}, which the start's {start_text} is not")
            }
            (false, true) => format!(", and their p99 of {best_text} is beyond {slo}"),
            (false, false) => {
                format!(", but neither their p99 of {best_text} nor the start's {start_text} is within {slo}")
            }
        }
    }

    /// The result for people.
    pub(crate) fn table(&self) -> String {
        let Surroundings { run, seconds, measure_seconds, warm_up_seconds, slo_ms, virtual_users, ended_early, .. } =
            &self.surroundings;
        let early = if *ended_early { ", ended early" } else { "" };
        let mut text = format!(
            "\ntune {run}: {} trials in {seconds:.0} s, each {virtual_users} users for {measure_seconds} s after \
             {warm_up_seconds} s of warm-up; p99 within {}{early}\n\n  \
             what each knob is worth alone: stored per second, relative to the trials around it\n\n",
            self.trials.len(),
            latency(*slo_ms),
        );
        let mut beside = None;
        for worth in &self.worth {
            if beside != Some(&worth.beside) {
                beside = Some(&worth.beside);
                let centre = if worth.beside.is_empty() { "the start" } else { &worth.beside };
                text.push_str(&format!("  around {centre}\n"));
            }
            let change = format!("{} -> {}", worth.from, worth.to);
            text.push_str(&format!("    {:<28}{change:<20}{}\n", worth.variable, worth.ratio.text()));
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
        let proofs = self.trials.iter().filter_map(|trial| trial.proof.as_ref());
        text.push_str(&first_findings(proofs.flat_map(|proof| &proof.findings)));
        text
    }

    /// What became of the accepted posts.
    pub(crate) fn ledger(&self) -> String {
        let accepted = grouped(self.trials.iter().map(|trial| trial.accepted).sum::<u64>());
        let failed: Vec<&TrialReport> = self.trials.iter().filter(|trial| trial.passed == Some(false)).collect();
        let Some(first) = failed.first() else {
            return format!("{accepted} accepted, all stored as they were sent (looked for one by one)");
        };
        let wrong = first.proof.as_ref().and_then(Proof::wrong).or(first.fault.clone()).unwrap_or_default();
        format!("{accepted} accepted, {} trials FAILED, number {}: {wrong}", failed.len(), first.number)
    }

    /// The recommended settings, in their order.
    pub(crate) fn knobs(&self) -> impl Iterator<Item = Knobbed<'_>> {
        self.variables.iter().map(|variable| Knobbed { variable, value: &self.recommended[variable] })
    }
}

/// A variable with its recommended value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knobbed<'a> {
    pub(crate) variable: &'static str,
    pub(crate) value: &'a str,
}

#[cfg(test)]
pub(crate) mod tests;
