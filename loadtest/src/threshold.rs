//! What a run must keep to: pure judgement, in k6's words.

use std::time::Duration;

use serde::Serialize;

use crate::ledger::Counts;

const P95_LIMIT: Duration = Duration::from_secs(2);
const FAILED_SHARE_LIMIT: f64 = 0.01;

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// The latency that 95 % of the posts did not exceed.
    pub(crate) p95: Duration,
    /// The share of posts that were not accepted, 0 to 1.
    pub(crate) failed_share: f64,
    /// The ledger.
    pub(crate) counts: Counts,
}

/// One threshold and whether it was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// The threshold, such as `p95<2000ms`.
    pub(crate) threshold: &'static str,
    /// What was measured, in the threshold's unit.
    pub(crate) value: f64,
    /// Whether it was kept.
    pub(crate) holds: bool,
}

/// Judges a run by every threshold.
pub(crate) fn judge(measured: &Measured) -> Vec<Verdict> {
    let Measured { p95, failed_share, .. } = measured;
    let mut verdicts = vec![
        Verdict { threshold: "p95<2000ms", value: p95.as_secs_f64() * 1e3, holds: *p95 < P95_LIMIT },
        Verdict { threshold: "failed<1%", value: failed_share * 100.0, holds: *failed_share < FAILED_SHARE_LIMIT },
    ];
    verdicts.extend(judge_ledger(measured));
    verdicts
}

/// Judges only what must hold whatever happens meanwhile.
pub(crate) fn judge_ledger(measured: &Measured) -> Vec<Verdict> {
    let Counts { missing, duplicated, unexpected, .. } = measured.counts;
    vec![
        Verdict::none("missing==0", missing),
        Verdict::none("duplicated==0", duplicated),
        Verdict::none("unexpected==0", unexpected),
    ]
}

impl Verdict {
    /// The verdict on something of which there must be none.
    pub(crate) fn none(threshold: &'static str, count: u64) -> Self {
        Self { threshold, value: count as f64, holds: count == 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(measured: Measured) -> Vec<&'static str> {
        judge(&measured).into_iter().filter(|verdict| !verdict.holds).map(|verdict| verdict.threshold).collect()
    }

    #[test]
    fn each_threshold_is_judged_alone() {
        let good = Measured {
            p95: Duration::from_millis(1_999),
            failed_share: 0.009,
            counts: Counts { unknown: 5, unknown_stored: 3, dead_lettered: 1, ..Counts::default() },
        };
        assert_eq!(broken(good), [""; 0]);
        assert_eq!(broken(Measured { p95: P95_LIMIT, ..good }), ["p95<2000ms"]);
        assert_eq!(broken(Measured { failed_share: 0.01, ..good }), ["failed<1%"]);
        let counts = Counts { missing: 1, duplicated: 1, unexpected: 1, ..good.counts };
        assert_eq!(broken(Measured { counts, ..good }), ["missing==0", "duplicated==0", "unexpected==0"]);
    }
}
