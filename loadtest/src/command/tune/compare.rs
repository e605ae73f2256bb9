//! Compares settings on a machine whose speed drifts: a trial is only ever compared with trials of another setting
//! right before and after it, never with one from minutes ago. Rates are compared by their logarithms, so that half and
//! double are equally far.

use super::knobs::KnobSetting;
use crate::load::statistics::interval::{noise, student_95};

/// What a trial has shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TrialShown {
    /// Posts stored per second, from the end of the warm-up until all was stored; more than zero.
    pub(crate) stored_per_second: f64,
    /// From when a post was due until its answer, in milliseconds; 99 % were not slower.
    pub(crate) p99_ms: f64,
}

/// A trial of a setting, `None` if it could not be measured.
pub(crate) type ShownTrial = (KnobSetting, Option<TrialShown>);

/// A ratio with the interval that holds it with a probability of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How many trials were compared.
    pub(crate) trials: usize,
}

impl Ratio {
    /// From a logarithm and the half width of its interval.
    pub(crate) fn of_logarithm((logarithm, half_width): (f64, f64), trials: usize) -> Self {
        Self {
            ratio: logarithm.exp(),
            low: (logarithm - half_width).exp(),
            high: (logarithm + half_width).exp(),
            trials,
        }
    }
}

/// Several settings in turns, `rounds` times, every second time backwards, so that a steady drift cancels out.
pub(crate) fn in_turns(settings: &[KnobSetting], rounds: usize) -> Vec<KnobSetting> {
    let turn = |round: usize| {
        let mut turn = settings.to_vec();
        if round % 2 == 1 {
            turn.reverse();
        }
        turn
    };
    (0..rounds).flat_map(turn).collect()
}

/// Settings with the centre before, after, and between every two of them.
pub(crate) fn around_centre(centre: &KnobSetting, settings: &[KnobSetting]) -> Vec<KnobSetting> {
    let mut order = vec![centre.clone()];
    for pair in settings.chunks(2) {
        order.extend_from_slice(pair);
        order.push(centre.clone());
    }
    order
}

/// How many settings fit into this number of trials of [`around_centre`].
pub(crate) fn fitting(trials: usize) -> usize {
    trials.saturating_sub(1) * 2 / 3
}

/// Each trial of a setting other than the centre, as the logarithm of its rate over that of the centre's trials just
/// before and after it.
pub(crate) fn against_centre(trials: &[ShownTrial], centre: &[usize]) -> Vec<(KnobSetting, f64)> {
    let logarithm = |trial: &ShownTrial| (trial.0 == centre).then_some(trial.1?.stored_per_second.ln());
    let mut compared = Vec::new();
    for (index, (setting, shown)) in trials.iter().enumerate() {
        let Some(shown) = shown.filter(|_| setting != centre) else { continue };
        let before = trials[..index].iter().rev().find_map(logarithm);
        let after = trials[index..].iter().find_map(logarithm);
        let of_centre = match (before, after) {
            (Some(before), Some(after)) => (before + after) / 2.0,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => continue,
        };
        compared.push((setting.clone(), shown.stored_per_second.ln() - of_centre));
    }
    compared
}

/// Of trials [`in_turns`], the logarithms of a setting's rate over that of another one, one for each round that has
/// both.
pub(crate) fn by_round(trials: &[ShownTrial], contenders: usize, setting: &[usize], other: &[usize]) -> Vec<f64> {
    ratios_by_round(trials, contenders, [setting, other], |shown| shown.stored_per_second)
}

/// The same for their p99.
pub(crate) fn latencies_by_round(trials: &[ShownTrial], contenders: usize, one: &[usize], other: &[usize]) -> Vec<f64> {
    ratios_by_round(trials, contenders, [one, other], |shown| shown.p99_ms)
}

fn ratios_by_round(
    trials: &[ShownTrial],
    contenders: usize,
    settings: [&[usize]; 2],
    value: fn(TrialShown) -> f64,
) -> Vec<f64> {
    let difference = |round: &[ShownTrial]| {
        let of = |wanted: &[usize]| round.iter().find(|trial| trial.0 == wanted)?.1.map(value);
        Some(of(settings[0])?.ln() - of(settings[1])?.ln())
    };
    trials.chunks(contenders.max(1)).filter_map(difference).collect()
}

/// The noise of one trial, estimated from the centre's own trials: the standard deviation of the rate's logarithm, with
/// its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Noise {
    pub(crate) deviation: f64,
    degrees: usize,
}

impl Noise {
    /// Of these trials; `None` if the centre was tried less than twice.
    pub(crate) fn of(trials: &[ShownTrial], centre: &[usize]) -> Option<Self> {
        let of_centre = trials.iter().filter(|trial| trial.0 == centre);
        let rates: Vec<f64> = of_centre.filter_map(|trial| Some(trial.1?.stored_per_second.ln())).collect();
        Some(Self { deviation: noise(&rates)?, degrees: rates.len() - 1 })
    }

    /// That of the mean of this many trials, each [`against_centre`].
    pub(crate) fn against_centre(self, trials: usize) -> f64 {
        // The centre's two neighbours have noise, too.
        self.deviation * (1.5 / trials.max(1) as f64).sqrt()
    }

    /// The half width of the interval of such a mean.
    pub(crate) fn half_width(self, trials: usize) -> f64 {
        student_95(self.degrees) * self.against_centre(trials)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::statistics::mean;

    fn trial(setting: usize, stored_per_second: f64) -> ShownTrial {
        (vec![setting], Some(TrialShown { stored_per_second, p99_ms: 1.0 }))
    }

    #[test]
    fn the_centre_stands_around_every_two_settings() {
        let settings: Vec<KnobSetting> = (1..=3).map(|value| vec![value]).collect();
        let order: Vec<usize> = around_centre(&vec![0], &settings).into_iter().map(|setting| setting[0]).collect();
        assert_eq!(order, [0, 1, 2, 0, 3, 0]);
        let order: Vec<usize> = in_turns(&settings, 2).into_iter().map(|setting| setting[0]).collect();
        assert_eq!(order, [1, 2, 3, 3, 2, 1]);
    }

    #[test]
    fn a_trial_that_could_not_be_measured_is_left_out() {
        let mut trials = vec![trial(0, 100.0), trial(1, 200.0), trial(2, 100.0), trial(0, 400.0)];
        let ratios = |trials: &[ShownTrial]| -> Vec<f64> {
            against_centre(trials, &[0])
                .into_iter()
                .map(|(_, logarithm)| (logarithm.exp() * 1e6).round() / 1e6)
                .collect()
        };
        assert_eq!(ratios(&trials), [1.0, 0.5]);
        trials[1].1 = None;
        assert_eq!(ratios(&trials), [0.5]);
        trials[3].1 = None;
        assert_eq!(ratios(&trials), [1.0], "only the centre before it is left");
        trials[0].1 = None;
        assert_eq!(ratios(&trials), [] as [f64; 0]);
        assert_eq!(Noise::of(&trials, &[0]), None);
    }

    proptest! {
        #[test]
        fn a_steady_drift_cancels(rates in proptest::collection::vec(0.2_f64..5.0, 1..12), drift in -0.05_f64..0.05) {
            let settings: Vec<KnobSetting> = (1..=rates.len()).map(|value| vec![value]).collect();
            let rate = |setting: &KnobSetting| if setting[0] == 0 { 1.0 } else { rates[setting[0] - 1] };
            let measure = |order: Vec<KnobSetting>| -> Vec<ShownTrial> {
                let drifted = order.into_iter().enumerate();
                drifted.map(|(time, setting)| { let at = rate(&setting) * (drift * time as f64).exp(); (setting, at) })
                    .map(|(setting, at)| (setting, Some(TrialShown { stored_per_second: at, p99_ms: 1.0 }))).collect()
            };
            for (setting, logarithm) in against_centre(&measure(around_centre(&vec![0], &settings)), &[0]) {
                // A setting of a pair is half a step from the middle of its two centres.
                prop_assert!((logarithm - rate(&setting).ln()).abs() <= drift.abs() / 2.0 + 1e-9);
            }
            let duel = measure(in_turns(&[vec![0], vec![1]], 4));
            prop_assert!((mean(&by_round(&duel, 2, &[1], &[0])) - rates[0].ln()).abs() < 1e-9);
        }

        #[test]
        fn what_fits_is_no_more_than_there_is(trials in 0_usize..200) {
            let settings = vec![vec![1]; fitting(trials)];
            prop_assert!(settings.is_empty() || around_centre(&vec![0], &settings).len() <= trials);
            let more = vec![vec![1]; fitting(trials) + 2];
            prop_assert!(around_centre(&vec![0], &more).len() > trials);
        }
    }
}
