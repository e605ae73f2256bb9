//! What a run of submissions has found: its figures as JSON, whose names are an interface. [`verdicts`] judges them,
//! and [`table`] shows them.

use std::time::Duration;

use serde::Serialize;

use crate::ledger::submissions::audit::Found;
use crate::ledger::submissions::findings::{Finding, FindingKind, Findings};
use crate::ledger::submissions::reruns::Rerun;
use crate::load::generator::latencies::Latencies;
use crate::load::submissions::requests::SubmissionPlan;
use crate::pipeline::submissions::counters::Counts;
use crate::pipeline::submissions::queue::QueueKind;
use crate::report::threshold::ThresholdVerdict;

pub(crate) mod table;
pub(crate) mod verdicts;

/// The file for programs.
pub(crate) const JSON: &str = "submissions.json";

/// A run of submissions.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SubmissionsReport {
    pub(crate) run: String,
    pub(crate) passed: bool,
    pub(crate) setting: Setting,
    pub(crate) load_seconds: f64,
    /// From the end of the load until all was final; null if that was not seen.
    pub(crate) drain_seconds: Option<f64>,
    /// Whether somebody stopped it.
    pub(crate) ended_early: bool,
    pub(crate) sent: Sent,
    /// What the database holds.
    pub(crate) found: Found,
    /// How many are wrong, by what is wrong with them.
    pub(crate) wrong: Vec<(&'static str, u64)>,
    /// The first of them.
    pub(crate) findings: Vec<Finding>,
    pub(crate) times: Times,
    /// Submissions that were looked at until they were final, and how often.
    pub(crate) watched: u64,
    pub(crate) looks: u64,
    /// What the processes counted, as far as it was seen.
    pub(crate) counted: Counts,
    pub(crate) faults: Vec<FaultReport>,
    /// Submissions of all workers that were killed or frozen that were begun again; null if none was.
    pub(crate) reruns: Option<u64>,
    /// Attempts that lost their worker although nothing was done to one.
    pub(crate) unexplained_losses: u64,
    pub(crate) thresholds: Vec<ThresholdVerdict>,
    /// What went wrong beside the submissions: sentences.
    pub(crate) troubles: Vec<String>,
}

/// What was run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Setting {
    pub(crate) database: &'static str,
    /// How workers learn what they can claim.
    pub(crate) queue: QueueKind,
    pub(crate) workers: u32,
    pub(crate) vus: u32,
    /// Submissions per second that were offered; null if each user waited for its answers.
    pub(crate) rate: Option<f64>,
    pub(crate) plan: SubmissionPlan,
    /// What the lab has set in the processes' environment, without the database's address.
    pub(crate) variables: Vec<(&'static str, String)>,
}

/// What was answered.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sent {
    pub(crate) accepted: u64,
    pub(crate) accepted_per_second: f64,
    pub(crate) rejected: u64,
    pub(crate) unknown: u64,
    pub(crate) not_sent: u64,
    /// Requests that were sent again under their key.
    pub(crate) sent_again: u64,
    /// Answers that the API does not have, and the first of them.
    pub(crate) wrong_answers: u64,
    pub(crate) first_wrong_answer: Option<String>,
}

/// How long things took; null where nothing was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Times {
    /// From when a request was due until all of it was accepted.
    pub(crate) submit: Option<Percentiles>,
    /// From a look to its answer.
    pub(crate) status: Option<Percentiles>,
    /// From acceptance to the verdict, by the clock of the database, which counts milliseconds.
    pub(crate) accept_to_final: Option<Percentiles>,
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    #[serde(skip)]
    pub(crate) all: Latencies,
}

/// A fault that happened.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FaultReport {
    pub(crate) fault: &'static str,
    pub(crate) hit: String,
    /// From the start of the load.
    pub(crate) at_seconds: f64,
    pub(crate) lasted_seconds: f64,
    /// What became of the work of a worker that was killed or frozen.
    pub(crate) rerun: Option<Rerun>,
}

impl Percentiles {
    /// Those of a histogram in microseconds; `None` without a value.
    pub(crate) fn of(times_us: &hdrhistogram::Histogram<u64>) -> Option<Self> {
        let all = Latencies::of(times_us)?;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let Latencies { p50, p95, p99, max, .. } = all;
        Some(Self { count: times_us.len(), p50: ms(p50), p95: ms(p95), p99: ms(p99), max: ms(max), all })
    }
}

impl SubmissionsReport {
    /// The longest time until the work of a killed or frozen worker ran again, if any of them held work.
    pub(crate) fn longest_rerun(&self) -> Option<Duration> {
        let reruns = self.faults.iter().filter_map(|fault| fault.rerun).filter(|rerun| rerun.submissions > 0);
        reruns.map(|rerun| Duration::from_millis(u64::try_from(rerun.longest_ms).unwrap_or(0))).max()
    }

    /// How many are wrong in this way.
    pub(crate) fn count(&self, kind: FindingKind) -> u64 {
        self.wrong.iter().find(|(name, _)| *name == kind.name()).map_or(0, |(_, count)| *count)
    }
}

/// How many submissions of workers that were killed or frozen were begun again, if any worker was.
pub(crate) fn reruns(faults: &[FaultReport]) -> Option<u64> {
    let submissions = faults.iter().filter_map(|fault| Some(fault.rerun?.submissions));
    submissions.reduce(|one, other| one + other)
}

/// The counts of all kinds of findings.
pub(crate) fn wrong(findings: &Findings) -> Vec<(&'static str, u64)> {
    FindingKind::ALL.map(|kind| (kind.name(), findings.count(kind))).into()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::load::sparse;

    /// A run in which a worker was killed.
    pub(crate) fn example() -> SubmissionsReport {
        let mut times_us = sparse::empty();
        (1..=100).for_each(|ms| times_us.saturating_record(ms * 1_000));
        let percentiles = Percentiles::of(&times_us);
        let plan = SubmissionPlan {
            seed: 1,
            invalid_share: 0.01,
            key_share: 0.2,
            bulk_share: 0.05,
            bulk: 20,
            cancel_share: 0.0,
            retry_share: 0.0,
            watch_share: 0.1,
        };
        SubmissionsReport {
            run: "00ab12cd".to_owned(),
            passed: true,
            setting: Setting {
                database: "SQLite",
                queue: QueueKind::Database,
                workers: 1,
                vus: 50,
                rate: Some(500.0),
                plan,
                variables: vec![("WORK_TIME", "100ms".to_owned())],
            },
            load_seconds: 10.0,
            drain_seconds: Some(0.5),
            ended_early: false,
            sent: Sent {
                accepted: 4_000,
                accepted_per_second: 400.0,
                rejected: 40,
                unknown: 3,
                not_sent: 200,
                sent_again: 100,
                wrong_answers: 0,
                first_wrong_answer: None,
            },
            found: Found { rows: 4_002, passed: 2_400, failed: 1_602, losses: 7, begun_again: 7, ..Found::default() },
            wrong: wrong(&Findings::default()),
            findings: Vec::new(),
            times: Times { submit: percentiles, status: percentiles, accept_to_final: percentiles },
            watched: 60,
            looks: 900,
            counted: [("submissions_late_finishes_total".to_owned(), 5)].into(),
            faults: vec![FaultReport {
                fault: "process-kill",
                hit: "submissions".to_owned(),
                at_seconds: 3.0,
                lasted_seconds: 1.5,
                rerun: Some(Rerun { submissions: 7, longest_ms: 1_900 }),
            }],
            reruns: Some(7),
            unexplained_losses: 8,
            thresholds: Vec::new(),
            troubles: Vec::new(),
        }
    }

    #[test]
    fn the_names_of_the_figures_are_an_interface() {
        let json = serde_json::to_value(example()).unwrap();
        for (pointer, expected) in [
            ("/sent/accepted", 4_000.into()),
            ("/found/begun_again", 7.into()),
            ("/found/losses", 7.into()),
            ("/times/accept_to_final/count", 100.into()),
            ("/faults/0/rerun/longest_ms", 1_900.into()),
            ("/counted/submissions_late_finishes_total", 5.into()),
            ("/wrong/0/0", serde_json::Value::from("missing")),
            ("/setting/queue", "database".into()),
            ("/reruns", 7.into()),
            ("/unexplained_losses", 8.into()),
        ] {
            assert_eq!(json.pointer(pointer), Some(&expected), "{pointer}");
        }
    }

    #[test]
    fn the_work_of_all_workers_that_were_hit_is_added_up() {
        let mut faults = example().faults;
        let rerun = faults[0].rerun;
        assert_eq!(reruns(&faults), Some(7));
        faults.push(FaultReport { rerun: None, ..faults[0].clone() });
        faults.push(FaultReport { rerun, ..faults[0].clone() });
        assert_eq!(reruns(&faults), Some(14));
        assert_eq!(reruns(&faults[1..2]), None);
    }
}
