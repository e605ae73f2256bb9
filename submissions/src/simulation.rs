//! Workers and sweepers in a world that fails in every way: the real [`Core`](crate::worker::core::Core) and
//! [`SweepCore`](crate::sweeper::core::SweepCore) of each process, on a model of the store, in virtual time, and in an
//! order that a seed decides. In a third of the histories workers claim only what is announced to them, and
//! announcements get lost.
//!
//! A history is a seed and a script. Whatever happens, a status follows only one that it may follow, a verdict is the
//! rule's, and work that is begun again has a cause that is counted; at the end, with all faults over, every submission
//! is final within a stated time. A history that fails prints its seed and the shortest script that fails in the same
//! way: `SIMULATION_SEED=… cargo test -p submissions --lib simulation` runs it again, and `SIMULATION_HISTORIES=…` sets
//! how many to run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mistake::Mistake;
use checks::Violation;
use script::Operation;
use statistics::Statistics;
use world::World;

mod announcements;
mod checks;
mod ending;
mod mistakes;
mod model;
mod operations;
mod process;
mod random;
mod requests;
mod script;
mod settings;
mod shrink;
mod statistics;
mod world;

/// A history that went wrong.
#[derive(Debug)]
struct Failure {
    violation: Violation,
    detail: String,
}

/// Runs one history. The seed decides what the script leaves open: what moves next, and how long things take.
fn run(seed: u64, script: &[Operation], mistake: Option<Mistake>) -> Result<Statistics, Failure> {
    match catch_unwind(AssertUnwindSafe(|| World::new(seed, mistake).run(script))) {
        Ok(outcome) => outcome.map_err(|(violation, detail)| Failure { violation, detail }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let detail =
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
            Err(Failure { violation: Violation::Panicked, detail })
        }
    }
}

/// A failure's report: its seed, and the shortest script that fails in the same way.
fn describe(seed: u64, failure: &Failure) -> String {
    let fails = |script: &[Operation]| run(seed, script, None).is_err_and(|other| other.violation == failure.violation);
    let script = shrink::shrink(&script::generate(seed), fails);
    let detail =
        run(seed, &script, None).map_or_else(|failure| failure.detail, |_| "it does not fail again".to_owned());
    let lines: String = script.iter().map(|operation| format!("    {operation:?},\n")).collect();
    format!(
        "SIMULATION_SEED={seed}: {:?}, {}\nshortest script, which ends with {detail}:\n{lines}{:#?}",
        failure.violation,
        failure.detail,
        settings::Settings::of(seed)
    )
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn histories() {
    if let Some(seed) = number("SIMULATION_SEED") {
        return run(seed, &script::generate(seed), None).map_or_else(|f| panic!("{}", describe(seed, &f)), |_| ());
    }
    let count = number("SIMULATION_HISTORIES").unwrap_or(3_000);
    let (next, sum, failed) = (AtomicU64::new(0), Mutex::new(Statistics::default()), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut mine = Vec::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count || failed.lock().unwrap().is_some() {
                        break;
                    }
                    match run(seed, &script::generate(seed), None) {
                        Ok(statistics) => mine.push(statistics),
                        Err(failure) => _ = failed.lock().unwrap().get_or_insert((seed, failure)),
                    }
                }
                mine.iter().for_each(|statistics| sum.lock().unwrap().add(statistics));
            });
        }
    });
    if let Some((seed, failure)) = failed.into_inner().unwrap() {
        panic!("{}", describe(seed, &failure));
    }
    let sum = sum.into_inner().unwrap();
    println!("{sum}");
    assert!(sum.fewest_steps >= ending::LEAST_STEPS, "a history has only {} steps", sum.fewest_steps);
    assert_eq!(sum.missing(), [], "it happened too seldom");
}

#[test]
fn a_seed_gives_the_same_history_again() {
    let steps = |seed| run(seed, &script::generate(seed), None).expect("it goes well").steps;
    assert!((0..20).all(|seed| steps(seed) == steps(seed)));
}
