//! A run that confirms a rate, in short: it has a report of its own.

use std::time::Duration;

use serde::Serialize;

use crate::base::text::{a_second, milliseconds};
use crate::report::run::RunReport;

/// A run at a constant rate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ConfirmationReport {
    pub(crate) offered_per_second: f64,
    /// Posts accepted per second after the warm-up.
    pub(crate) accepted_per_second: f64,
    /// From when a post was due to its answer, for the accepted posts after the warm-up; null without any.
    pub(crate) p99_ms: Option<f64>,
    /// How fast the consumer's lag grew, in records a second; null if Kafka cannot be reached.
    pub(crate) lag_growth_per_second: Option<f64>,
    /// Posts without the right answer.
    pub(crate) failed: u64,
    /// Whether it kept to the rule of the probes, and nothing is wrong with its posts.
    pub(crate) sustained: bool,
    /// Why it did not; null if it did.
    pub(crate) why: Option<String>,
    /// The directory of its report, beside `find-max.json`.
    pub(crate) report: String,
}

impl ConfirmationReport {
    /// A run at this rate, how fast the lag grew, and why the rate was not sustained, if it was not.
    pub(crate) fn of(rate: f64, run: &RunReport, growth: Option<f64>, why: Option<String>, report: String) -> Self {
        Self {
            offered_per_second: rate,
            accepted_per_second: run.accepted_per_second,
            p99_ms: run.accepted_latency_ms.map(|latency| latency.p99),
            lag_growth_per_second: growth,
            failed: run.outcomes.failed(),
            sustained: why.is_none(),
            why,
            report,
        }
    }

    /// One line.
    pub(crate) fn line(&self) -> String {
        let p99 = self.p99_ms.map_or("never".to_owned(), |ms| milliseconds(Duration::from_secs_f64(ms / 1e3)));
        let verdict = self.why.as_ref().map_or("sustained".to_owned(), |why| format!("not: {why}"));
        let (offered, accepted) = (a_second(self.offered_per_second), a_second(self.accepted_per_second));
        format!("{offered}   {accepted} accepted, p99 {p99}, {verdict}   ({}/report.html)", self.report)
    }
}
