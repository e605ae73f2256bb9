//! What the processes of a run count, over all their lives: counters begin at zero when a process is started again, so
//! those of earlier lives are added up. What a process counted after the last look before it was killed is not seen.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::load::target::Target;

/// The counters that a report shows, and the label that distinguishes their series.
const COUNTERS: [(&str, Option<&str>); 9] = [
    ("submissions_accepted_total", None),
    ("submissions_total", Some("status")),
    ("submissions_late_finishes_total", None),
    ("submissions_retries_total", Some("cause")),
    ("submissions_cached_total", None),
    ("submissions_given_up_total", None),
    ("submissions_store_errors_total", None),
    (ANNOUNCED, None),
    ("submissions_announce_failures_total", None),
];

/// Records of Kafka that say that a submission can be claimed.
pub(crate) const ANNOUNCED: &str = "submissions_announced_total";

/// Counts by name; a series with a label is `name{value}`.
pub(crate) type Counts = BTreeMap<String, u64>;

/// The counters of one process.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Counters {
    earlier: Counts,
    current: Counts,
}

impl Counters {
    /// Looks at the process. If it does not answer, the last figures stay.
    pub(crate) async fn look(&mut self, process: &Target) {
        if let Ok(page) = process.get("/metrics").await
            && page.status.is_success()
        {
            self.seen(counts(&String::from_utf8_lossy(&page.body)));
        }
    }

    /// The process has ended; the next look is at another one.
    pub(crate) fn ended(&mut self) {
        for (name, count) in std::mem::take(&mut self.current) {
            *self.earlier.entry(name).or_default() += count;
        }
    }

    /// All that was seen.
    pub(crate) fn totals(&self) -> Counts {
        let mut totals = self.earlier.clone();
        for (name, count) in &self.current {
            *totals.entry(name.clone()).or_default() += count;
        }
        totals
    }

    fn seen(&mut self, counts: Counts) {
        self.current = counts;
    }
}

/// The counters on a page of metrics.
fn counts(page: &str) -> Counts {
    let mut counts = Counts::new();
    for line in page.lines() {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let (Some((_, label)), Ok(value)) = (COUNTERS.iter().find(|(known, _)| *known == name), value.parse::<f64>())
        else {
            continue;
        };
        let of = |label: &str| labels.split_once(&format!("{label}=\"")).and_then(|(_, rest)| rest.split('"').next());
        let name = match label.and_then(of) {
            Some(value) => format!("{name}{{{value}}}"),
            None => name.to_owned(),
        };
        *counts.entry(name).or_default() += value as u64;
    }
    counts
}

/// What a worker works on, by its page of metrics.
pub(crate) fn running(page: &str) -> u64 {
    let value = page.lines().find_map(|line| line.strip_prefix("submissions_running ")?.parse::<f64>().ok());
    value.unwrap_or(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# TYPE submissions_total counter\nsubmissions_total{status=\"PASSED\"} 7\n\
        submissions_total{status=\"FAILED\"} 2\nsubmissions_late_finishes_total 3\nsubmissions_in_status 9\n\
        submissions_store_errors_total{operation=\"beat\"} 1\nsubmissions_store_errors_total{operation=\"get\"} 4\n";

    #[test]
    fn counters_are_read_by_their_labels_or_summed() {
        let counts = counts(PAGE);
        let expected = [
            ("submissions_late_finishes_total", 3),
            ("submissions_store_errors_total", 5),
            ("submissions_total{FAILED}", 2),
            ("submissions_total{PASSED}", 7),
        ];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
    }

    #[test]
    fn what_a_worker_works_on_is_read() {
        assert_eq!([running(PAGE), running("submissions_running 7\n"), running("")], [0, 7, 0]);
    }

    #[test]
    fn the_lives_of_a_process_are_added_up() {
        let mut counters = Counters::default();
        for late in [1, 4] {
            counters.seen([("late".to_owned(), late)].into());
        }
        counters.ended();
        counters.ended();
        counters.seen([("late".to_owned(), 2)].into());
        assert_eq!(counters.totals(), [("late".to_owned(), 6)].into());
    }
}
