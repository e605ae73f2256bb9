//! Throughput against latency: every setting with the results of its trials, and those that no other one exceeds in
//! both.

use std::collections::BTreeMap;

use serde::Serialize;

use super::trial::{TrialReport, latency, whole};
use crate::load::statistics::{mean, median};

/// A setting, with the mean of all its trials, whenever they ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SettingReport {
    /// What differs from the start, as `NAME=value`; empty for the start itself.
    pub(crate) differs: String,
    pub(crate) stored_per_second: f64,
    pub(crate) p99_ms: f64,
    /// Whether that p99 is within the SLO.
    pub(crate) within_slo: bool,
    pub(crate) trials: usize,
}

impl SettingReport {
    /// A row of the table.
    pub(crate) fn row(&self) -> String {
        let differs = if self.differs.is_empty() { "the start" } else { &self.differs };
        let times = if self.trials == 1 { "once".to_owned() } else { format!("{} times", self.trials) };
        let late = if self.within_slo { "" } else { "   beyond --slo" };
        format!("{:>8}/s  p99 {:>8}  {times:>9}   {differs}{late}", whole(self.stored_per_second), latency(self.p99_ms))
    }
}

/// The trials of each setting together: the mean rate, and the median p99.
pub(crate) fn by_setting(trials: &[TrialReport], slo_ms: f64) -> Vec<SettingReport> {
    let mut settings: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for trial in trials {
        if let (Some(stored), Some(p99_ms)) = (trial.stored_per_second, trial.p99_ms) {
            settings.entry(&trial.differs).or_default().push((stored.ln(), p99_ms));
        }
    }
    let report = |(differs, shown): (&str, Vec<(f64, f64)>)| {
        let logarithms: Vec<f64> = shown.iter().map(|(logarithm, _)| *logarithm).collect();
        let p99_ms = median(shown.iter().map(|(_, p99_ms)| *p99_ms)).unwrap_or_default();
        SettingReport {
            differs: differs.to_owned(),
            stored_per_second: mean(&logarithms).exp(),
            p99_ms,
            within_slo: p99_ms <= slo_ms,
            trials: shown.len(),
        }
    };
    settings.into_iter().map(report).collect()
}

/// Those that none exceeds in both, the lowest latency first.
pub(crate) fn front(settings: &[SettingReport]) -> Vec<SettingReport> {
    let mut sorted: Vec<&SettingReport> = settings.iter().collect();
    sorted.sort_by(|one, other| {
        one.p99_ms.total_cmp(&other.p99_ms).then(other.stored_per_second.total_cmp(&one.stored_per_second))
    });
    let mut front: Vec<SettingReport> = Vec::new();
    for setting in sorted {
        if front.last().is_none_or(|last| setting.stored_per_second > last.stored_per_second) {
            front.push(setting.clone());
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_is_better_than_the_front_in_both(
            shown in proptest::collection::vec((1.0_f64..1e4, 1.0_f64..100.0), 1..40),
        ) {
            let settings: Vec<SettingReport> = shown.iter().map(|(stored_per_second, p99_ms)| SettingReport {
                differs: String::new(), stored_per_second: *stored_per_second, p99_ms: *p99_ms, within_slo: true,
                trials: 1,
            }).collect();
            let front = front(&settings);
            let rises = |one: &SettingReport, next: &SettingReport| {
                one.p99_ms < next.p99_ms && one.stored_per_second < next.stored_per_second
            };
            prop_assert!(front.is_sorted_by(rises));
            let exceeds = |other: &SettingReport, one: &SettingReport| {
                other.p99_ms < one.p99_ms && other.stored_per_second > one.stored_per_second
            };
            let is_exceeded = |one: &SettingReport| settings.iter().any(|other| exceeds(other, one));
            prop_assert!(!front.iter().any(is_exceeded));
            let is_reached = |one: &SettingReport| front.iter().any(|on_front| {
                on_front.p99_ms <= one.p99_ms && on_front.stored_per_second >= one.stored_per_second
            });
            prop_assert!(settings.iter().all(is_reached));
        }
    }
}
