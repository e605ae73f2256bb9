//! Whether a rate was sustained: the rule by which a probe is judged.

use std::time::Duration;

use service::status::figures::grouped;

use crate::base::text::milliseconds;
use crate::pipeline::settings::PipelineSettings;
use crate::report::threshold::ThresholdVerdict;

/// The share of the posts offered in the measured time that must be accepted in it: an answer that comes a moment after
/// its end is not a backlog.
const ACCEPTED_SHARE: f64 = 0.97;

/// The lag may grow by this share of the rate, because a smaller slope cannot be distinguished from noise in a few
/// seconds,
const GROWTH_SHARE: f64 = 0.03;

/// and by this many of the consumer's batches in addition: it goes up and down by one as they fill.
const BATCHES: f64 = 2.0;

/// What a probe has shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProbeShown {
    /// Posts offered per second.
    pub(crate) rate: f64,
    /// Posts accepted per second.
    pub(crate) accepted_per_second: f64,
    /// From when a post was due until its answer; 99 % were not slower. `None` if that is later than every limit,
    /// because too many posts were never sent.
    pub(crate) p99: Option<Duration>,
    /// Posts that were due and never sent.
    pub(crate) unsent: u64,
    /// Posts that were not answered as they should be.
    pub(crate) failed: u64,
    /// Posts that are invalid on purpose and were rejected, as a share of all.
    pub(crate) rejected_share: f64,
    /// How fast the lag has grown, in records a second; `None` where Kafka cannot be reached.
    pub(crate) lag_growth: Option<f64>,
}

/// What a rate must keep to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// The longest p99.
    pub(crate) slo: Duration,
    /// How long a probe is measured.
    pub(crate) measure: Duration,
    /// `CONSUMER_BATCH_MESSAGES`.
    pub(crate) batch_messages: usize,
}

impl Rule {
    /// The rule for a load that is measured this long, on services with these settings.
    pub(crate) fn of(slo: Duration, measure: Duration, settings: &PipelineSettings) -> Self {
        Self { slo, measure, batch_messages: settings.group().limits.batch.messages }
    }

    /// Why the rate was not sustained; nothing if it was.
    pub(crate) fn broken(&self, shown: &ProbeShown) -> Option<String> {
        let ProbeShown { rate, accepted_per_second, p99, unsent, failed, rejected_share, lag_growth } = *shown;
        if failed > 0 {
            return Some(format!("{} posts failed", grouped(failed)));
        }
        let accepted_share = accepted_per_second / valid_rate(rate, rejected_share);
        if accepted_share < ACCEPTED_SHARE {
            return Some(format!("{:.0} % of the rate was accepted", accepted_share * 100.0));
        }
        let slo = milliseconds(self.slo);
        match p99 {
            None => return Some(format!("{} posts were not sent in time, so p99 is above {slo}", grouped(unsent))),
            Some(p99) if p99 > self.slo => return Some(format!("p99 {} is above {slo}", milliseconds(p99))),
            Some(_) => {}
        }
        let growth = lag_growth.unwrap_or(0.0);
        (growth > self.tolerated_growth(rate))
            .then(|| format!("the lag grew by {} a second", grouped(growth.round() as u64)))
    }

    /// The same as conditions of a report.
    pub(crate) fn verdicts(&self, shown: &ProbeShown) -> Vec<ThresholdVerdict> {
        let ProbeShown { rate, accepted_per_second, p99, unsent: _, failed, rejected_share, lag_growth } = *shown;
        let least = ACCEPTED_SHARE * valid_rate(rate, rejected_share);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let (p99_ms, slo_ms) = (p99.map_or(f64::INFINITY, milliseconds), milliseconds(self.slo));
        let verdict = |threshold, value, holds| ThresholdVerdict { threshold, value, holds };
        let mut verdicts = vec![
            ThresholdVerdict::none("failed posts==0", failed),
            verdict(format!("rate>={least:.0}"), accepted_per_second, accepted_per_second >= least),
            verdict(format!("p99<={slo_ms}ms"), p99_ms, p99_ms <= slo_ms),
        ];
        if let Some(growth) = lag_growth {
            let most = self.tolerated_growth(rate);
            verdicts.push(verdict(format!("lag growth<={most:.0}/s"), growth, growth <= most));
        }
        verdicts
    }

    /// The growth of the lag that does not count, in records a second.
    fn tolerated_growth(&self, rate: f64) -> f64 {
        GROWTH_SHARE * rate + BATCHES * self.batch_messages as f64 / self.measure.as_secs_f64()
    }
}

/// The posts of a rate that should be accepted.
fn valid_rate(rate: f64, rejected_share: f64) -> f64 {
    rate * (1.0 - rejected_share).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Rule = Rule { slo: Duration::from_millis(500), measure: Duration::from_secs(8), batch_messages: 100 };

    fn well() -> ProbeShown {
        ProbeShown {
            rate: 10_000.0,
            accepted_per_second: 9_990.0,
            p99: Some(Duration::from_millis(40)),
            unsent: 0,
            failed: 0,
            rejected_share: 0.0,
            lag_growth: Some(20.0),
        }
    }

    #[test]
    fn a_rate_is_sustained_if_nothing_breaks() {
        assert_eq!(RULE.broken(&well()), None);
        assert_eq!(RULE.broken(&ProbeShown { lag_growth: None, ..well() }), None);
        assert_eq!(RULE.broken(&ProbeShown { lag_growth: Some(-5_000.0), ..well() }), None, "it catches up");
        for (shown, why) in [
            (ProbeShown { failed: 1, ..well() }, "1 posts failed"),
            (ProbeShown { accepted_per_second: 9_000.0, ..well() }, "90 % of the rate was accepted"),
            (ProbeShown { p99: Some(Duration::from_millis(501)), ..well() }, "p99 501 ms is above 500 ms"),
            (
                ProbeShown { p99: None, unsent: 1_234, ..well() },
                "1,234 posts were not sent in time, so p99 is above 500 ms",
            ),
            (ProbeShown { lag_growth: Some(1_234.0), ..well() }, "the lag grew by 1,234 a second"),
        ] {
            assert_eq!(RULE.broken(&shown).as_deref(), Some(why));
        }
    }

    #[test]
    fn a_post_that_should_be_rejected_is_not_missed() {
        let shown = ProbeShown { accepted_per_second: 8_000.0, rejected_share: 0.2, ..well() };
        assert_eq!(RULE.broken(&shown), None);
        assert!(RULE.broken(&ProbeShown { rejected_share: 0.0, ..shown }).is_some());
    }

    #[test]
    fn a_batch_that_fills_slowly_is_no_lag_that_grows() {
        let slow = ProbeShown { rate: 10.0, accepted_per_second: 10.0, lag_growth: Some(10.0), ..well() };
        assert_eq!(RULE.broken(&slow), None);
        assert!(RULE.broken(&ProbeShown { lag_growth: Some(40.0), ..slow }).is_some());
    }

    proptest! {
        #[test]
        fn what_is_worse_is_never_better(p99_ms in 0_u64..2_000, growth in -1e4_f64..1e4, more in 0_u64..5_000) {
            let p99 = |ms| Some(Duration::from_millis(ms));
            let shown = ProbeShown { p99: p99(p99_ms), lag_growth: Some(growth), ..well() };
            let worse = ProbeShown {
                p99: p99(p99_ms + more).filter(|_| more % 3 > 0),
                lag_growth: Some(growth + more as f64),
                failed: more % 2,
                ..shown
            };
            prop_assert!(RULE.broken(&shown).is_none() || RULE.broken(&worse).is_some());
            for shown in [shown, worse] {
                let hold = RULE.verdicts(&shown).iter().all(|verdict| verdict.holds);
                prop_assert_eq!(hold, RULE.broken(&shown).is_none(), "{:?}", RULE.verdicts(&shown));
            }
        }
    }
}
