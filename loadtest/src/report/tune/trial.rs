//! A trial of a setting.

use std::time::Duration;

use serde::Serialize;
use service::status::figures::grouped;

use crate::base::text::milliseconds;
use crate::report::proof::Proof;

/// The purpose of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrialStage {
    /// The start against the defaults.
    Starts,
    /// Each knob alone.
    Screen,
    /// All that helped, together.
    Combine,
    /// The best against the start.
    Confirm,
}

/// A trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TrialReport {
    pub(crate) number: usize,
    pub(crate) stage: TrialStage,
    /// What differs from the start, as `NAME=value`; empty for the start itself.
    pub(crate) differs: String,
    /// Null if it could not be measured.
    pub(crate) stored_per_second: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    /// Whether every accepted post is stored as it was sent, and nothing else went wrong; null if the services did not
    /// start.
    pub(crate) passed: Option<bool>,
    pub(crate) accepted: u64,
    pub(crate) failed: u64,
    /// Accepted posts that are neither stored nor dead-lettered; null if the services did not start.
    pub(crate) missing: Option<u64>,
    /// Records that were still in Kafka when the trial ended.
    pub(crate) lag_left: u64,
    /// Why the generator was the limit; null if it was not.
    pub(crate) generator: Option<String>,
    /// What went wrong first; null if nothing did.
    pub(crate) fault: Option<String>,
    /// What became of the posts; null if the services did not start.
    pub(crate) proof: Option<Proof>,
}

impl TrialReport {
    /// A line of progress.
    pub(crate) fn row(&self) -> String {
        let shown = match (self.stored_per_second, self.p99_ms) {
            (Some(stored), Some(p99_ms)) => format!("{:>8}/s  p99 {:>8}", whole(stored), latency(p99_ms)),
            _ => "not measured".to_owned(),
        };
        let wrong = self.proof.as_ref().and_then(Proof::wrong).map_or(String::new(), |wrong| format!("  NOT {wrong}"));
        let differs = if self.differs.is_empty() { "the start" } else { &self.differs };
        format!("{:>4}  {:<8}  {shown}{wrong}  {differs}", self.number, self.stage.name())
    }
}

impl TrialStage {
    /// Its name, as in the JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            TrialStage::Starts => "starts",
            TrialStage::Screen => "screen",
            TrialStage::Combine => "combine",
            TrialStage::Confirm => "confirm",
        }
    }
}

/// A rate, as a whole number.
pub(crate) fn whole(rate: f64) -> String {
    grouped(rate.round() as u64)
}

/// A latency in milliseconds, with its unit.
pub(crate) fn latency(ms: f64) -> String {
    milliseconds(Duration::from_secs_f64(ms.max(0.0) / 1e3))
}
