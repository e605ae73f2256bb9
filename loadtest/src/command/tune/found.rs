//! Writes what a search has found into the report.

use super::bench::Tried;
use super::compare::Ratio;
use super::knobs::{KNOBS, KnobSetting, Space};
use super::search::Search;
use super::search::worth::turned;
use crate::report::tune::front::{by_setting, front};
use crate::report::tune::trial::{TrialReport, TrialStage};
use crate::report::tune::{RatioReport, Surroundings, TuneReport, WorthReport};

/// An interval whose ends differ by this factor says nothing.
const WIDEST: f64 = 100.0;

/// The report of a search.
pub(crate) fn report(
    search: &Search,
    space: &Space,
    start: &KnobSetting,
    trials: Vec<TrialReport>,
    surroundings: Surroundings,
) -> TuneReport {
    let worth = search.worth().into_iter().filter_map(|worth| {
        let knob = turned(&worth.setting, &worth.centre)?;
        Some(WorthReport {
            variable: KNOBS[knob].variable,
            from: space.value(knob, &worth.centre).to_owned(),
            to: space.value(knob, &worth.setting).to_owned(),
            beside: space.difference(&worth.centre, start),
            ratio: ratio(worth.ratio),
        })
    });
    let set = |setting: &KnobSetting| space.variables(setting).into_iter().collect();
    let settings = by_setting(&trials, surroundings.slo_ms);
    let confirmed = search.confirmed();
    TuneReport {
        passed: trials.iter().all(|trial| trial.passed != Some(false)),
        start: set(start),
        recommended: set(search.recommended()),
        best: set(search.best()),
        gain: confirmed.map(|confirmed| ratio(confirmed.gain)),
        best_p99_ms: confirmed.map(|confirmed| confirmed.best_p99_ms),
        start_p99_ms: confirmed.map(|confirmed| confirmed.start_p99_ms),
        noise: search.noise(),
        worth: worth.collect(),
        front: front(&settings),
        settings,
        trials,
        variables: KNOBS.iter().map(|knob| knob.variable).collect(),
        surroundings,
    }
}

/// The report of a trial.
pub(crate) fn trial(
    n: usize,
    stage: TrialStage,
    space: &Space,
    setting: &KnobSetting,
    start: &KnobSetting,
    tried: &Tried,
) -> TrialReport {
    TrialReport {
        number: n,
        stage,
        differs: space.difference(setting, start),
        stored_per_second: tried.shown.map(|shown| shown.stored_per_second),
        p99_ms: tried.shown.map(|shown| shown.p99_ms),
        passed: tried.proof.is_some().then_some(tried.passed()),
        accepted: tried.proof.as_ref().map_or(0, |proof| proof.accepted),
        failed: tried.failed,
        missing: tried.proof.as_ref().and_then(|proof| proof.missing),
        lag_left: tried.proof.as_ref().and_then(|proof| proof.lag_left).unwrap_or(0),
        generator: tried.generator.clone(),
        fault: tried.faults.first().map(|fault| fault.lines().next().unwrap_or_default().to_owned()),
        proof: tried.proof.clone(),
    }
}

fn ratio(ratio: Ratio) -> RatioReport {
    let Ratio { ratio, low, high, trials } = ratio;
    let says_something = high < low * WIDEST;
    RatioReport { ratio, low: says_something.then_some(low), high: says_something.then_some(high), trials }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::command::tune::compare::TrialShown;
    use crate::command::tune::slo::Slo;
    use crate::ledger::books::Counts;
    use crate::pipeline::settings::PipelineSettings;
    use crate::report::proof::Proof;
    use crate::report::proof::tests::reconciled;
    use crate::report::tune::tests::surroundings;

    /// A search whose trials are those of a machine on which a longer linger stores a third more.
    fn example() -> TuneReport {
        let settings = PipelineSettings::read(&|_| None).unwrap();
        let variables = settings.consumer.into_iter().chain(settings.producer).collect();
        let (space, start, defaults) = Space::around(&variables, &variables, &["CONSUMER_BATCH_INTERVAL"]);
        let slo = Slo::of(Duration::from_millis(500));
        let mut search = Search::new(space.choices(), start.clone(), defaults, slo);
        let mut trials = Vec::new();
        while let Some((stage, setting)) = search.next(60 - trials.len()) {
            let rate = if space.value(0, &setting) == "5ms" { 12_000.0 } else { 9_000.0 } + trials.len() as f64;
            let shown = Some(TrialShown { stored_per_second: rate, p99_ms: 1e5 / rate });
            let counts = Counts { accepted: 1_000, stored: 1_000, ..Counts::default() };
            let proof = Some(Proof::of(&counts, Some(reconciled(counts)), Some(0)));
            let tried = Tried { shown, failed: 0, proof, generator: None, faults: Vec::new() };
            trials.push(trial(trials.len() + 1, stage, &space, &setting, &start, &tried));
            search.record(shown);
        }
        report(&search, &space, &start, trials, surroundings())
    }

    #[test]
    fn a_better_setting_is_recommended_with_its_gain() {
        let report = example();
        let verdict = report.verdict();
        assert!(verdict.starts_with("tune 00ab12cd: these settings store 1.33 (1.3"), "{verdict}");
        assert_eq!(
            (report.start["PRODUCER_LINGER"].as_str(), report.recommended["PRODUCER_LINGER"].as_str()),
            ("2ms", "5ms")
        );
        assert!(report.passed && report.worth.iter().any(|worth| worth.to == "5ms" && worth.ratio.ratio > 1.3));
        let stages: Vec<TrialStage> = report.trials.iter().map(|trial| trial.stage).collect();
        assert!(stages.starts_with(&[TrialStage::Screen]) && stages.ends_with(&[TrialStage::Confirm]), "{stages:?}");
    }
}
