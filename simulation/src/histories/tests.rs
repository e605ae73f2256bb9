//! A walk, in which somebody plants what must be found.

use std::fmt::Debug;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use happened::Happened;

use super::{finds, histories, repeats};
use crate::{Random, Simulation, Statistics};

mod happened {
    crate::happenings! { Moved 100, Stumbled 10 }
}

#[derive(Debug, Clone, PartialEq)]
enum Operation {
    Move,
    Stumble(usize),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    Falls,
    Panics,
    NeverMoves,
    TooShort,
    Harmless,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Violation {
    Fell,
    Panicked,
}

/// A walk that always makes this one of [`PLANTED`].
struct Walk<const MISTAKE: usize>;

const PLANTED: [Option<Mistake>; 5] =
    [None, Some(Mistake::Falls), Some(Mistake::Panics), Some(Mistake::NeverMoves), Some(Mistake::TooShort)];

impl<const MISTAKE: usize> Simulation for Walk<MISTAKE> {
    type Operation = Operation;
    type Mistake = Mistake;
    type Violation = Violation;
    type Happened = Happened;

    const PANICKED: Violation = Violation::Panicked;
    const HISTORIES: u64 = 50;
    const LEAST_STEPS: u64 = 5;

    fn settings(seed: u64) -> impl Debug {
        format!("settings of {seed}")
    }

    fn script(seed: u64) -> Vec<Operation> {
        let random = &mut Random::new(seed);
        let operation =
            |random: &mut Random| if random.one_in(4) { Operation::Stumble(random.below(3)) } else { Operation::Move };
        (0..random.between(5, 20)).map(|_| operation(random)).collect()
    }

    fn run(
        _: u64,
        script: &[Operation],
        mistake: Option<Mistake>,
    ) -> Result<Statistics<Happened>, (Violation, String)> {
        let mistake = mistake.or(PLANTED[MISTAKE]);
        let mut statistics = Statistics::of_a_history();
        for operation in script {
            statistics.steps += u64::from(mistake != Some(Mistake::TooShort));
            match (operation, mistake) {
                (Operation::Stumble(2), Some(Mistake::Falls)) => {
                    return Err((Violation::Fell, "into a pit".to_owned()));
                }
                (Operation::Stumble(2), Some(Mistake::Panics)) => panic!("at a pit"),
                (Operation::Stumble(_), _) => statistics.happened(Happened::Stumbled),
                (Operation::Move, Some(Mistake::NeverMoves)) => {}
                (Operation::Move, _) => statistics.happened(Happened::Moved),
            }
        }
        Ok(statistics)
    }
}

/// The words with which it panics.
fn panics(what: fn()) -> String {
    let panic = catch_unwind(what).expect_err("it must panic");
    panic.downcast_ref::<String>().cloned().expect("words")
}

#[test]
fn what_goes_well() {
    histories::<Walk<0>>();
}

#[test]
fn a_failure_is_reported_with_its_seed_and_the_shortest_script() {
    let report = panics(histories::<Walk<1>>);
    let seed = report.strip_prefix("SIMULATION_SEED=").and_then(|rest| rest.split_once(':')).expect(&report).0;
    let fails = |seed: u64| Walk::<1>::script(seed).contains(&Operation::Stumble(2));
    assert!(fails(seed.parse().expect("a number")), "{report}");
    let script = "shortest script, which ends with into a pit:\n    Stumble(2),\n";
    assert!(report.contains("Fell, into a pit") && report.contains(script), "{report}");
    assert!(report.ends_with(&format!("\"settings of {seed}\"")), "{report}");
}

#[test]
fn a_panic_is_a_violation() {
    let report = panics(histories::<Walk<2>>);
    assert!(report.contains("Panicked, at a pit"), "{report}");
}

#[test]
fn what_happens_too_seldom_is_named() {
    let report = panics(histories::<Walk<3>>);
    assert!(report.contains("Moved") && !report.contains("Stumbled"), "{report}");
}

#[test]
fn histories_that_are_too_short_prove_nothing() {
    let report = panics(histories::<Walk<4>>);
    assert!(report.contains("only 0 steps"), "{report}");
}

#[test]
fn a_mistake_is_found_or_named() {
    finds::<Walk<0>>(Mistake::Falls, Violation::Fell);
    let report = panics(|| finds::<Walk<0>>(Mistake::Harmless, Violation::Fell));
    assert!(report.contains("Harmless never shows as Fell"), "{report}");
}

/// Another history each time it runs.
struct Forgetful;

static RUNS: AtomicU64 = AtomicU64::new(0);

impl Simulation for Forgetful {
    type Operation = Operation;
    type Mistake = Mistake;
    type Violation = Violation;
    type Happened = Happened;

    const PANICKED: Violation = Violation::Panicked;
    const HISTORIES: u64 = 50;
    const LEAST_STEPS: u64 = 5;

    fn settings(_: u64) -> impl Debug {}

    fn script(seed: u64) -> Vec<Operation> {
        Walk::<0>::script(seed)
    }

    fn run(seed: u64, script: &[Operation], _: Option<Mistake>) -> Result<Statistics<Happened>, (Violation, String)> {
        let mut statistics = Walk::<0>::run(seed, script, None)?;
        statistics.steps += RUNS.fetch_add(1, Ordering::Relaxed);
        Ok(statistics)
    }
}

#[test]
fn a_seed_gives_the_same_history_again() {
    repeats::<Walk<0>>();
    assert!(panics(repeats::<Forgetful>).contains("seed 0 gives another history"));
}
