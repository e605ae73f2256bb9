//! The gauges that show what the store counts. When it does not answer they keep the last figures, and their age grows;
//! before its first answer there are none, because 0 would be a claim.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use service::Registry;
use service::metrics::{Metric, Rows};

use crate::status::Status;
use crate::store::Stats;

/// Submissions in each status.
pub(crate) const IN_STATUS: Metric =
    Metric::gauge("submissions_in_status", "Submissions in this status").labelled(&["status"]);

/// What is in PROCESSING for too long.
pub(crate) const STUCK: Metric =
    Metric::gauge("submissions_stuck", "Submissions in PROCESSING for longer than STUCK_AFTER");

/// The longest wait.
pub(crate) const OLDEST_PENDING: Metric = Metric::gauge(
    "submissions_oldest_pending_seconds",
    "How long the submission has waited that can be claimed for the longest time, 0 without one; it keeps growing \
     while the database does not answer",
);

/// Dead letters.
pub(crate) const DEAD_LETTERS: Metric =
    Metric::gauge("submissions_dead_letters", "Dead letters kept of submissions whose attempts were used up");

/// Workers.
pub(crate) const WORKERS: Metric =
    Metric::gauge("submissions_workers", "Workers that the database knows, including those that are silent");

/// How old the other figures are.
pub(crate) const AGE: Metric = Metric::gauge(
    "submissions_figures_age_seconds",
    "Age of the figures that the database gives, which are read once a second: it grows while the database is away",
);

/// The last figures that the store gave.
pub(crate) struct Figures {
    known: Mutex<Known>,
}

/// The figures of a moment.
#[derive(Debug, Clone)]
pub(crate) struct Latest {
    pub(crate) stats: Stats,
    pub(crate) workers: usize,
}

struct Known {
    latest: Option<Latest>,
    /// When they were read, or when somebody began to try.
    read_at: Instant,
}

impl Figures {
    /// Figures that the registry's gauges show from now on.
    pub(crate) fn shown_by(registry: &Registry) -> Arc<Self> {
        let figures = Arc::new(Self { known: Mutex::new(Known { latest: None, read_at: Instant::now() }) });
        let observe = |metric: &Metric, read: fn(&mut Rows<'_>, &Latest, Duration)| {
            let figures = Arc::clone(&figures);
            registry.observe(metric, move |rows| {
                let known = figures.known();
                if let Some(latest) = &known.latest {
                    read(rows, latest, known.read_at.elapsed());
                }
            });
        };
        observe(&IN_STATUS, |rows, latest, _| {
            for status in Status::ALL {
                rows.row(&[status.as_str()], latest.stats.in_status[status as usize] as f64);
            }
        });
        observe(&STUCK, |rows, latest, _| rows.row(&[], latest.stats.stuck as f64));
        observe(&DEAD_LETTERS, |rows, latest, _| rows.row(&[], latest.stats.dead_letters as f64));
        observe(&WORKERS, |rows, latest, _| rows.row(&[], latest.workers as f64));
        observe(&OLDEST_PENDING, |rows, latest, age| {
            rows.row(&[], latest.stats.oldest_pending.map_or(0.0, |waited| (waited + age).as_secs_f64()));
        });
        let aging = Arc::clone(&figures);
        registry.observe(&AGE, move |rows| rows.row(&[], aging.known().read_at.elapsed().as_secs_f64()));
        figures
    }

    /// The store gave these.
    pub(crate) fn read(&self, stats: Stats, workers: usize) {
        *self.known() = Known { latest: Some(Latest { stats, workers }), read_at: Instant::now() };
    }

    /// What the store gave last, if it gave any yet.
    pub(crate) fn latest(&self) -> Option<Latest> {
        self.known().latest.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::METRICS;

    #[test]
    fn before_the_first_figures_only_their_age_is_shown() {
        let registry = Registry::new(&[METRICS]);
        let figures = Figures::shown_by(&registry);
        let text = registry.render();
        assert!(text.contains("\nsubmissions_figures_age_seconds "), "{text}");
        assert!(!text.contains("submissions_in_status") && !text.contains("submissions_stuck"), "{text}");
        assert!(figures.latest().is_none());
        let oldest_pending = Some(Duration::from_secs(100));
        figures.read(Stats { in_status: [5, 4, 3, 2, 1], oldest_pending, stuck: 6, dead_letters: 7 }, 8);
        let text = registry.render();
        for part in [
            "\nsubmissions_in_status{status=\"PENDING\"} 5\n",
            "\nsubmissions_in_status{status=\"CANCELLED\"} 1\n",
            "\nsubmissions_stuck 6\n",
            "\nsubmissions_dead_letters 7\n",
            "\nsubmissions_workers 8\n",
            "\nsubmissions_oldest_pending_seconds 100.",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert_eq!(figures.latest().map(|latest| (latest.stats.stuck, latest.workers)), Some((6, 8)));
        figures.read(Stats::default(), 0);
        assert!(registry.render().contains("\nsubmissions_oldest_pending_seconds 0\n"));
    }
}
