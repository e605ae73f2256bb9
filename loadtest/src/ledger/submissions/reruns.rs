//! How soon the work that a worker held when it was killed or frozen was begun again.
//!
//! A row shows when its last attempt began, and how many of the attempts before lost their worker. So an attempt that
//! began after a loss, and was not given back or failed meanwhile, belongs to the last outage before it.

use serde::Serialize;

use super::row::Row;

/// A worker that was killed or frozen. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outage {
    /// When it was hit.
    pub(crate) hit_at: i64,
    /// From when on there was a worker that could take its work over: the same time, if there was another one.
    pub(crate) worker_at: i64,
}

/// What became of the work of an outage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Rerun {
    /// Submissions of its worker that were begun again.
    pub(crate) submissions: u64,
    /// Until the last of them was, from when on a worker could have done it.
    pub(crate) longest_ms: i64,
}

/// The outages of a run, in order, each with what became of its work.
#[derive(Debug, Default)]
pub(crate) struct Reruns {
    outages: Vec<(Outage, Rerun)>,
}

impl Reruns {
    /// No work yet of these outages.
    pub(crate) fn of(mut outages: Vec<Outage>) -> Self {
        outages.sort_by_key(|outage| outage.hit_at);
        Self { outages: outages.into_iter().map(|outage| (outage, Rerun::default())).collect() }
    }

    /// A submission at the end of the run.
    pub(crate) fn row(&mut self, row: &Row) {
        let is_plain = row.losses > 0 && row.failures == 0 && row.given_back == 0 && row.series == 1;
        let Some(started_at) = row.started_at.filter(|_| is_plain && row.attempts > row.losses) else { return };
        let last = self.outages.partition_point(|(outage, _)| outage.hit_at <= started_at);
        // What came later was not held by its worker.
        let outage = self.outages[..last].last_mut().filter(|(outage, _)| outage.hit_at >= row.created_at);
        if let Some((outage, rerun)) = outage {
            rerun.submissions += 1;
            rerun.longest_ms = rerun.longest_ms.max(started_at - outage.worker_at);
        }
    }

    /// What became of the work of each outage.
    pub(crate) fn finish(self) -> Vec<Rerun> {
        self.outages.into_iter().map(|(_, rerun)| rerun).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::submissions::row::tests::passed;

    fn lost(created_at: i64, started_at: i64, losses: u32) -> Row {
        let attempts = losses + 1;
        Row { created_at, started_at: Some(started_at), losses, attempts, ..passed(1, "a") }
    }

    #[test]
    fn a_second_attempt_belongs_to_the_last_outage_before_it() {
        let outage = |hit_at, worker_at| Outage { hit_at, worker_at };
        let mut reruns = Reruns::of(vec![outage(20_000, 23_000), outage(10_000, 10_000), outage(30_000, 30_000)]);
        reruns.row(&lost(9_000, 11_700, 1));
        reruns.row(&lost(9_500, 11_900, 2));
        reruns.row(&lost(9_000, 24_000, 1));
        for row in [
            lost(9_000, 9_900, 1),
            lost(9_000, 12_900, 0),
            lost(25_000, 29_000, 1),
            Row { given_back: 1, attempts: 3, ..lost(9_000, 19_000, 1) },
            Row { failures: 1, attempts: 3, ..lost(9_000, 19_000, 1) },
            Row { series: 2, ..lost(9_000, 19_000, 1) },
            Row { attempts: 1, ..lost(9_000, 19_000, 1) },
            Row { started_at: None, ..lost(9_000, 0, 1) },
        ] {
            reruns.row(&row);
        }
        let rerun = |submissions, longest_ms| Rerun { submissions, longest_ms };
        assert_eq!(reruns.finish(), [rerun(2, 1_900), rerun(1, 1_000), rerun(0, 0)]);
    }
}
