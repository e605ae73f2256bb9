//! Comparisons of simulated builds, to see how often several runs of an unchanged build look worse in any figure, and
//! how often a change is found. Runs of one build differ as they do on a shared machine: its mood lasts for longer than
//! a run and moves all figures together, each figure has noise of its own, the slowest posts have long tails, failures
//! are rare, and the end of the drain is seen in steps.

use super::*;
use crate::load::statistics::dice::Dice;
use crate::report::compare::read::tests::run;

/// The figures of a build: `mood` and the noise of single figures are deviations of their logarithms.
#[derive(Clone, Copy)]
struct SimulatedBuild {
    mood: f64,
    noise: f64,
    /// Latencies are this many times as long as in the other build.
    slower: f64,
}

const UNCHANGED: SimulatedBuild = SimulatedBuild { mood: 0.1, noise: 0.1, slower: 1.0 };

/// The run of a build in this mood of the machine.
fn simulated(build: SimulatedBuild, mood: f64, dice: &mut Dice) -> Run {
    let mut run = run();
    let mut vary = |level: f64, noise: f64| level * (mood + build.noise * noise * dice.normal()).exp();
    let [p50, p95, p99, p999, max] = [(4.0, 1.0), (9.0, 1.5), (20.0, 2.5), (60.0, 4.0), (200.0, 7.0)]
        .map(|(level, noise)| vary(level * build.slower, noise));
    let latency = run.accepted_latency_ms.as_mut().unwrap();
    (latency.p50, latency.p95, latency.p99, latency.p999, latency.max) = (p50, p95, p99, Some(p999), max);
    run.producer.cpu_microseconds_per_post = Some(vary(100.0, 0.8));
    run.consumer.cpu_microseconds_per_post = Some(vary(30.0, 0.8));
    run.producer.peak_memory_bytes = Some(vary(16e6, 0.2) as u64);
    run.consumer.peak_memory_bytes = Some(vary(25e6, 0.3) as u64);
    // In the open model the rate hardly varies.
    run.accepted_per_second = 1_000.0 + 0.5 * dice.normal();
    run.failed_share = if dice.even() < 0.3 { 1e-4 * dice.even() } else { 0.0 };
    // Seen at the first look after it ended, by a clock that adds next to nothing.
    let ended = if dice.even() < 0.5 { 0.15 + 0.1 * dice.even() } else { 0.15 };
    run.drain_seconds = Some((ended / 0.1).ceil() * 0.1 + 1e-4 * dice.even());
    run
}

/// Runs of two builds in turns, while the machine's mood wanders. Where one has more runs, they are spread evenly.
fn sides(builds: [SimulatedBuild; 2], counts: [u32; 2], seed: u64) -> [Side; 2] {
    let turns =
        |side: usize| (0..counts[side]).map(move |run| ((f64::from(run) + 0.5) / f64::from(counts[side]), side));
    let mut turns: Vec<(f64, usize)> = turns(0).chain(turns(1)).collect();
    turns.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut dice = Dice::new(seed << 20);
    let (mut mood, mut sides) = (builds[0].mood * dice.normal(), [Vec::new(), Vec::new()]);
    for (_, side) in turns {
        mood = 0.6 * mood + 0.8 * builds[side].mood * dice.normal();
        sides[side].push(simulated(builds[side], mood, &mut dice));
    }
    sides.map(|runs| Side { runs })
}

/// The share of comparisons in which something is worse by more than the tolerance.
fn alarms(builds: [SimulatedBuild; 2], counts: [u32; 2], tolerance: f64, comparisons: u64) -> f64 {
    let is_alarm = |seed: &u64| {
        let [base, with] = sides(builds, counts, *seed);
        !Comparison::of(&base, &with, tolerance).regressions().is_empty()
    };
    (1..=comparisons).filter(is_alarm).count() as f64 / comparisons as f64
}

#[test]
fn several_runs_of_an_unchanged_build_look_worse_in_one_of_twenty_comparisons_at_most() {
    let quiet = SimulatedBuild { mood: 0.0, noise: 0.05, ..UNCHANGED };
    for counts in [[2, 2], [3, 3], [5, 5], [3, 8]] {
        for build in [UNCHANGED, quiet] {
            // Without a tolerance, the correction alone must hold.
            let found = alarms([build; 2], counts, 0.0, 1_000);
            assert!(found <= 0.05, "{found} of the comparisons of {counts:?} runs");
        }
    }
}

#[test]
fn a_change_is_found_by_enough_runs() {
    let slower = SimulatedBuild { slower: 1.6, ..UNCHANGED };
    let found = [3, 5, 8].map(|count| alarms([UNCHANGED, slower], [count, count], 0.05, 200));
    assert!(found.is_sorted() && found[1] > 0.5 && found[2] > 0.95, "{found:?}");
}
