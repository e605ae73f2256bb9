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

use std::fmt::Debug;

use ::simulation::{Simulation, Statistics};

use crate::mistake::Mistake;
use checks::Violation;
use script::Operation;
use settings::Settings;
use statistics::Happened;
use world::World;

mod announcements;
mod checks;
mod ending;
mod mistakes;
mod model;
mod operations;
mod process;
mod requests;
mod script;
mod settings;
mod statistics;
mod world;

/// Processes, each with a worker and a sweeper.
struct Processes;

impl Simulation for Processes {
    type Operation = Operation;
    type Mistake = Mistake;
    type Violation = Violation;
    type Happened = Happened;

    const PANICKED: Violation = Violation::Panicked;
    const HISTORIES: u64 = 2_000;
    const LEAST_STEPS: u64 = ending::LEAST_STEPS;

    fn settings(seed: u64) -> impl Debug {
        Settings::of(seed)
    }

    fn script(seed: u64) -> Vec<Operation> {
        script::generate(seed)
    }

    fn run(
        seed: u64,
        script: &[Operation],
        mistake: Option<Mistake>,
    ) -> Result<Statistics<Happened>, (Violation, String)> {
        World::new(seed, mistake).run(script)
    }
}

#[test]
fn histories() {
    ::simulation::histories::<Processes>();
}

#[test]
fn a_seed_gives_the_same_history_again() {
    ::simulation::repeats::<Processes>();
}
