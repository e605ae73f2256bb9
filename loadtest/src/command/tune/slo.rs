//! The limit of the latency, and which of two settings is better: one that answers in time is better than one that does
//! not, however much that one stores. Of two that answer in time, the better one stores more; of two that do not, it
//! answers sooner.

use std::time::Duration;

use super::compare::ShownTrial;
use crate::load::statistics::median;

/// More, as a logarithm, than any two settings differ in what they store.
const DECISIVE: f64 = 100.0;

/// The longest p99 that settings may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slo {
    ms: f64,
}

impl Slo {
    pub(crate) const fn of(longest: Duration) -> Self {
        Self { ms: longest.as_secs_f64() * 1e3 }
    }

    /// Whether this p99 is in time.
    pub(crate) fn holds(self, p99_ms: f64) -> bool {
        p99_ms <= self.ms
    }

    /// How much better than the centre a setting is, as a logarithm: more than zero if it is better. `gain` is that of
    /// what it stores; the latencies are the p99 of both, in milliseconds.
    pub(crate) fn advantage(self, gain: f64, p99_ms: f64, centre_p99_ms: f64) -> f64 {
        match (self.holds(p99_ms), self.holds(centre_p99_ms)) {
            (true, true) => gain,
            (true, false) => DECISIVE + gain,
            (false, true) => gain - DECISIVE,
            (false, false) => (centre_p99_ms / p99_ms).ln(),
        }
    }
}

/// Whether the latency alone decides.
pub(crate) fn is_decisive(advantage: f64) -> bool {
    advantage.abs() > DECISIVE / 2.0
}

/// The median p99 of a setting's trials; `None` if none of them was measured.
pub(crate) fn p99_ms<'a>(trials: impl IntoIterator<Item = &'a ShownTrial>, setting: &[usize]) -> Option<f64> {
    median(trials.into_iter().filter(|trial| trial.0 == setting).filter_map(|trial| Some(trial.1?.p99_ms)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::tune::compare::TrialShown;

    const SLO: Slo = Slo { ms: 500.0 };

    #[test]
    fn the_latency_of_a_setting_is_that_of_its_middle_trial() {
        let trial = |setting, p99_ms| (vec![setting], Some(TrialShown { stored_per_second: 1.0, p99_ms }));
        let trials = [trial(0, 5.0), trial(1, 70.0), (vec![0], None), trial(0, 900.0), trial(0, 7.0)];
        assert_eq!(p99_ms(&trials, &[0]), Some(7.0));
        assert_eq!((p99_ms(&trials, &[1]), p99_ms(&trials, &[2])), (Some(70.0), None));
    }

    proptest! {
        #[test]
        fn a_setting_in_time_is_better_than_one_that_is_late_however_much_that_one_stores(
            gain in -20.0_f64..20.0, in_time in 0.1_f64..=500.0, late in 500.1_f64..1e6,
        ) {
            prop_assert!(SLO.advantage(gain, in_time, late) > 0.0 && SLO.advantage(gain, late, in_time) < 0.0);
            prop_assert!(is_decisive(SLO.advantage(gain, in_time, late)));
            prop_assert!(is_decisive(SLO.advantage(gain, late, in_time)));
        }

        #[test]
        fn else_the_one_that_stores_more_or_answers_sooner_is_better(
            gain in -20.0_f64..20.0, one in 0.1_f64..=500.0, other in 0.1_f64..=500.0,
        ) {
            prop_assert_eq!(SLO.advantage(gain, one, other), gain);
            let sooner = SLO.advantage(gain, 500.0 + one, 500.0 + other);
            prop_assert!((sooner > 0.0) == (one < other) || (one - other).abs() < 1e-9);
            prop_assert!(!is_decisive(gain) && !is_decisive(sooner));
        }
    }
}
