use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::command::tune::knobs::{KNOBS, Space};
use crate::load::statistics::dice::Dice;
use crate::load::statistics::mean;
use crate::pipeline::settings::Variables;

/// No setting is beyond it.
const ANY: Slo = Slo::of(Duration::from_secs(1_000_000));

const BAD: [&str; 7] = ["200ms", "500", "none", "5", "5s", "1", "1"];
const SHIPPED: [&str; 7] = ["2ms", "1000000", "none", "100", "5s", "4", "1"];

fn variables(values: [&str; 7]) -> Variables {
    KNOBS.iter().zip(values).map(|(knob, value)| (knob.variable, value.to_owned())).collect()
}

fn number(text: &str) -> f64 {
    text.trim_end_matches(char::is_alphabetic).parse().unwrap()
}

/// A pipeline on one machine, all of whose parts share its cores: the CPU of a post is that of its parts together, each
/// less the larger its batches are; and 64 users cannot send more than their latency lets them.
fn rate(space: &Space, setting: &[usize]) -> f64 {
    let value = |knob: usize| space.value(knob, setting);
    let (linger_ms, bytes) = (number(value(0)), number(value(1)).min(7_700.0));
    let codec = match value(2) {
        "none" => 0.0,
        "lz4" | "snappy" => 1.0,
        "zstd" => 5.0,
        _ => 14.0,
    };
    let (messages, flushes, partitions) = (number(value(3)), number(value(5)), number(value(6)));
    // Posts of 350 bytes; a full batch does not wait, and a short linger collects little.
    let full = (bytes / 350.0).max(1.0);
    let collected = full.min(1.0 + 5.0 * linger_ms);
    let producer = 25.0 + 60.0 / collected + codec;
    let wait_ms = if full <= 16.0 / partitions { 0.0 } else { linger_ms * 0.8 };
    let consumer = 30.0 + 350.0 / messages + if flushes > 1.0 { 3.0 } else { 0.0 };
    let of_cpu = 2.0e6 / (producer + consumer + 60.0 + 4.0 * partitions);
    let of_users = 64.0 / (wait_ms + 3.0) * 1e3;
    // One batch at a time cannot hide the store's answer time.
    let of_store = messages * flushes / 0.004;
    of_cpu.min(of_users).min(of_store)
}

fn every_setting(space: &Space) -> impl Iterator<Item = KnobSetting> {
    let mut settings = vec![Vec::new()];
    for choices in space.choices() {
        settings =
            settings.iter().flat_map(|known| (0..choices).map(|value| [&known[..], &[value]].concat())).collect();
    }
    settings.into_iter()
}

fn best_rate(space: &Space) -> f64 {
    every_setting(space).map(|setting| rate(space, &setting)).fold(0.0, f64::max)
}

/// Runs a search of this many trials, on a machine with this noise and a drift of a sixth up and down.
fn search(space: &Space, start: &KnobSetting, defaults: &KnobSetting, trials: usize, noise: f64, seed: u64) -> Search {
    let mut search = Search::new(space.choices(), start.clone(), defaults.clone(), ANY);
    let mut dice = Dice::new(seed);
    for trial in 0..trials {
        let Some((_, setting)) = search.next(trials - trial) else { break };
        let drift = 0.15 * (trial as f64 / 9.0 + seed as f64).sin();
        let stored_per_second = rate(space, &setting) * (noise * dice.normal() + drift).exp();
        search.record(Some(TrialShown { stored_per_second, p99_ms: 64.0 / stored_per_second * 1e3 }));
    }
    search
}

/// The rates that sixty searches ended with, as shares of the best possible one.
fn recovered(start: [&str; 7], defaults: [&str; 7], trials: usize, noise: f64) -> Vec<f64> {
    let (space, start, defaults) = Space::around(&variables(start), &variables(defaults), &[]);
    let best = best_rate(&space);
    assert!(rate(&space, &start) < best * 0.5, "the start must be bad");
    let share = |seed| rate(&space, search(&space, &start, &defaults, trials, noise, seed).recommended()) / best;
    (0..60).map(share).collect()
}

#[test]
fn from_bad_settings_nine_tenths_of_the_best_are_recovered() {
    for (trials, noise) in [(70, 0.0), (70, 0.03), (90, 0.05), (90, 0.08)] {
        let shares = recovered(BAD, SHIPPED, trials, noise);
        let worst = shares.iter().copied().fold(1.0, f64::min);
        assert!(mean(&shares) >= 0.9 && worst >= 0.8, "{} and {worst} at noise {noise}", mean(&shares));
        // Gains below the noise are found now and then.
        let enough = shares.iter().filter(|share| **share >= 0.9).count();
        assert!(noise > 0.05 || enough >= 50, "{enough} of 60 at noise {noise}");
    }
}

#[test]
fn and_also_where_the_defaults_are_as_bad() {
    for noise in [0.0, 0.05] {
        let enough = recovered(BAD, BAD, 150, noise).iter().filter(|share| **share >= 0.9).count();
        assert!(enough >= 54, "{enough} of 60 at noise {noise}");
    }
}

#[test]
fn where_nothing_is_better_the_start_is_kept() {
    let (space, start, _) = Space::around(&variables(SHIPPED), &variables(SHIPPED), &[]);
    let (mut kept, mut held, mut all) = (0, 0, 0);
    for seed in 0..60 {
        let mut search = Search::new(space.choices(), start.clone(), start.clone(), ANY);
        let mut dice = Dice::new(seed);
        for trial in 0..70 {
            if search.next(70 - trial).is_none() {
                break;
            }
            search.record(Some(TrialShown { stored_per_second: 9_000.0 * (0.08 * dice.normal()).exp(), p99_ms: 9.0 }));
        }
        kept += u64::from(*search.recommended() == start);
        let worth: Vec<Worth> = search.worth().into_iter().filter(|worth| worth.centre == start).collect();
        assert_eq!(
            worth.len(),
            space.choices().iter().map(|choices| choices - 1).sum::<usize>(),
            "every value was tried"
        );
        held += worth.iter().filter(|worth| worth.ratio.low <= 1.0 && worth.ratio.high >= 1.0).count();
        all += worth.len();
    }
    assert!(kept >= 55, "{kept} of 60");
    assert!(held * 100 >= all * 90, "{held} of {all} intervals held the truth");
}

#[test]
fn the_gain_is_that_of_the_surface() {
    let (space, start, defaults) = Space::around(&variables(BAD), &variables(SHIPPED), &[]);
    let search = search(&space, &start, &defaults, 70, 0.03, 4);
    let (gain, truth) = (search.confirmed().unwrap().gain, rate(&space, search.best()) / rate(&space, &start));
    assert!(gain.low <= truth && truth <= gain.high && gain.high / gain.low < 1.5, "{gain:?} of {truth}");
    assert_eq!(search.blocks().first().unwrap().stage, TrialStage::Starts);
    assert_eq!(search.blocks().last().unwrap().stage, TrialStage::Confirm);
    assert!((0.005..0.2).contains(&search.noise().unwrap()), "{:?}", search.noise());
}

/// The p99 of a pipeline in which a post waits for its linger, and behind the batches of others.
fn p99_ms(space: &Space, setting: &[usize]) -> f64 {
    10.0 + 20.0 * number(space.value(0, setting)) + number(space.value(3, setting)) / 5.0
}

/// Searches of this many trials for settings whose p99 is within 100 ms: whether the recommended ones are, and what
/// they store as a share of the most that settings within it can.
fn recovered_in_time(start: [&str; 7], trials: usize, noise: f64) -> Vec<(bool, f64)> {
    let (space, start, defaults) = Space::around(&variables(start), &variables(SHIPPED), &[]);
    let most = every_setting(&space)
        .filter(|setting| p99_ms(&space, setting) <= 100.0)
        .map(|setting| rate(&space, &setting))
        .fold(0.0, f64::max);
    assert!(most < best_rate(&space) * 0.99, "those who store the most must be late");
    let recovered = |seed| {
        let slo = Slo::of(Duration::from_millis(100));
        let mut search = Search::new(space.choices(), start.clone(), defaults.clone(), slo);
        let mut dice = Dice::new(seed);
        for trial in 0..trials {
            let Some((_, setting)) = search.next(trials - trial) else { break };
            let stored_per_second = rate(&space, &setting) * (noise * dice.normal()).exp();
            let p99_ms = p99_ms(&space, &setting) * (noise * dice.normal()).exp();
            search.record(Some(TrialShown { stored_per_second, p99_ms }));
        }
        let recommended = search.recommended();
        (p99_ms(&space, recommended) <= 100.0, rate(&space, recommended) / most)
    };
    (0..30).map(recovered).collect()
}

#[test]
fn what_stores_more_and_is_late_is_not_recommended() {
    for (start, noise) in [(SHIPPED, 0.0), (SHIPPED, 0.05), (BAD, 0.0), (BAD, 0.05)] {
        let recovered = recovered_in_time(start, 90, noise);
        let in_time = recovered.iter().filter(|(is_in_time, _)| *is_in_time).count();
        let mean = mean(&recovered.iter().map(|(_, share)| *share).collect::<Vec<_>>());
        assert!(in_time >= 29 && mean >= 0.85, "{in_time} of 30 in time, {mean} at noise {noise}");
    }
}

#[test]
fn what_is_kept_is_not_touched() {
    let keep = ["CONSUMER_BATCH_MESSAGES", "CONSUMER_BATCH_INTERVAL"];
    let (space, start, defaults) = Space::around(&variables(BAD), &variables(SHIPPED), &keep);
    let search = search(&space, &start, &defaults, 70, 0.05, 1);
    let trials = || search.blocks().iter().flat_map(|block| &block.trials);
    assert!(trials().all(|(setting, _)| setting[3] == start[3] && setting[4] == start[4]));
    assert_eq!(space.value(3, search.best()), "5");
}

proptest! {
    #[test]
    fn whatever_is_shown_it_keeps_to_its_trials_and_its_values(
        choices in proptest::collection::vec(1_usize..5, 1..8),
        trials in 0_usize..120,
        seed in any::<u64>(),
        failing in 0.0_f64..1.0,
        slo_ms in 1_u64..12,
    ) {
        let mut dice = Dice::new(seed);
        let mut pick = |choices: &usize| (dice.even() * *choices as f64) as usize;
        let mut any = || choices.iter().map(&mut pick).collect::<KnobSetting>();
        let (start, defaults) = (any(), any());
        let slo = Slo::of(Duration::from_millis(slo_ms));
        let mut search = Search::new(choices.clone(), start.clone(), defaults, slo);
        let mut done = 0;
        while let Some((stage, setting)) = search.next(trials - done) {
            prop_assert!(setting.iter().zip(&choices).all(|(value, choices)| value < choices));
            prop_assert_eq!(search.blocks().last().map(|block| block.stage), Some(stage));
            done += 1;
            prop_assert!(done <= trials);
            let shown = TrialShown { stored_per_second: 1.0 + 1e4 * dice.even(), p99_ms: 10.0 * dice.even() };
            search.record((dice.even() >= failing).then_some(shown));
        }
        let recorded: usize = search.blocks().iter().map(|block| block.trials.len()).sum();
        prop_assert_eq!(recorded, done);
        if search.recommended() != &start {
            let ConfirmedBest { gain, best_p99_ms, start_p99_ms, .. } = search.confirmed().unwrap();
            let is_better = match (slo.holds(best_p99_ms), slo.holds(start_p99_ms)) {
                (true, is_start_in_time) => !is_start_in_time || gain.low > 1.0,
                (false, is_start_in_time) => !is_start_in_time && best_p99_ms < start_p99_ms,
            };
            prop_assert!(is_better, "{:?}", search.confirmed());
        }
        for worth in search.worth() {
            let turned = worth.setting.iter().zip(&worth.centre).filter(|(one, other)| one != other).count();
            prop_assert_eq!(turned, 1);
        }
    }
}
