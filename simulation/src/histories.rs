//! Runs histories, and says of one that fails what there is to know.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::shrink::shrink;
use crate::{Simulation, Statistics};

/// A mistake must show within this many histories.
const FOUND_WITHIN: u64 = 2_000;

/// A history that went wrong.
struct Failure<V> {
    violation: V,
    detail: String,
}

type Outcome<S> = Result<Statistics<<S as Simulation>::Happened>, Failure<<S as Simulation>::Violation>>;

/// Runs many histories, or the one of `SIMULATION_SEED`.
///
/// # Panics
/// When one of them goes wrong, is too short, or something happens too rarely.
pub fn histories<S: Simulation>() {
    if let Some(seed) = number("SIMULATION_SEED") {
        return run::<S>(seed, &S::script(seed), None)
            .map_or_else(|failure| panic!("{}", describe::<S>(seed, &failure)), |_| ());
    }
    let count = number("SIMULATION_HISTORIES").unwrap_or(S::HISTORIES);
    let (next, sum, failed) = (AtomicU64::new(0), Mutex::new(Statistics::of_none()), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut mine = Vec::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count || failed.lock().expect("no panic").is_some() {
                        break;
                    }
                    match run::<S>(seed, &S::script(seed), None) {
                        Ok(statistics) => mine.push(statistics),
                        Err(failure) => _ = failed.lock().expect("no panic").get_or_insert((seed, failure)),
                    }
                }
                let mut sum = sum.lock().expect("no panic");
                mine.iter().for_each(|statistics| sum.add(statistics));
            });
        }
    });
    if let Some((seed, failure)) = failed.into_inner().expect("no panic") {
        panic!("{}", describe::<S>(seed, &failure));
    }
    let sum = sum.into_inner().expect("no panic");
    println!("{sum}");
    assert!(sum.fewest_steps >= S::LEAST_STEPS, "a history has only {} steps", sum.fewest_steps);
    assert_eq!(sum.missing(), [], "it happened too seldom");
}

/// A seed gives the same history again.
///
/// # Panics
/// When it does not.
pub fn repeats<S: Simulation>() {
    for seed in 0..20 {
        let steps = || run::<S>(seed, &S::script(seed), None).map(|statistics| statistics.steps).ok();
        let first = steps();
        assert!(first.is_some() && first == steps(), "seed {seed} gives another history");
    }
}

/// A mistake shows as this violation.
///
/// # Panics
/// When it does not: the simulation is too weak.
pub fn finds<S: Simulation>(mistake: S::Mistake, expected: S::Violation) {
    let fails = |seed: &u64| run::<S>(*seed, &S::script(*seed), Some(mistake)).is_err_and(|f| f.violation == expected);
    let seed = (0..FOUND_WITHIN).find(fails);
    let seed = seed.unwrap_or_else(|| panic!("in {FOUND_WITHIN} histories {mistake:?} never shows as {expected:?}"));
    println!("{mistake:?} shows in history {seed} as {expected:?}");
}

/// Makes a test of each mistake that must be found: its name, the mistake, and the violation as which it must show.
#[macro_export]
macro_rules! mistakes {
    ($simulation:ty; $($test:ident: $mistake:ident => $violation:ident;)*) => {
        $(#[test]
        fn $test() {
            $crate::finds::<$simulation>(Mistake::$mistake, Violation::$violation);
        })*
    };
}

fn run<S: Simulation>(seed: u64, script: &[S::Operation], mistake: Option<S::Mistake>) -> Outcome<S> {
    match catch_unwind(AssertUnwindSafe(|| S::run(seed, script, mistake))) {
        Ok(outcome) => outcome.map_err(|(violation, detail)| Failure { violation, detail }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let detail =
                text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
            Err(Failure { violation: S::PANICKED, detail })
        }
    }
}

/// A failure's report: its seed, and the shortest script that fails in the same way.
fn describe<S: Simulation>(seed: u64, failure: &Failure<S::Violation>) -> String {
    let fails = |script: &[S::Operation]| run::<S>(seed, script, None).is_err_and(|f| f.violation == failure.violation);
    let script = shrink(&S::script(seed), fails);
    let detail =
        run::<S>(seed, &script, None).map_or_else(|failure| failure.detail, |_| "it does not fail again".to_owned());
    let lines: String = script.iter().map(|operation| format!("    {operation:?},\n")).collect();
    format!(
        "SIMULATION_SEED={seed}: {:?}, {}\nshortest script, which ends with {detail}:\n{lines}{:#?}",
        failure.violation,
        failure.detail,
        S::settings(seed)
    )
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

#[cfg(test)]
mod tests;
