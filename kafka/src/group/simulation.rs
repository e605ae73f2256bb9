//! Members of a group in a world that fails in every way: the real [`Core`](super::core::Core) and
//! [`Fetching`](super::fetching::Fetching), in virtual time, in an order that a seed decides.
//!
//! A history is a seed and a script. After every step nothing may be lost or duplicated, no commit may pass an
//! unfinished record, and memory stays within its bounds; at the end, with all faults over, everything is in its place
//! within a stated time. A history that fails prints its seed and the shortest script that fails in the same way:
//! `SIMULATION_SEED=… cargo test -p kafka --lib simulation` runs it again, and `SIMULATION_HISTORIES=…` sets how many
//! to run.

use std::fmt::Debug;

use ::simulation::{Simulation, Statistics};

use super::core::Mistake;
use checks::Violation;
use script::Operation;
use settings::Settings;
use statistics::Happened;
use world::World;

mod broker;
mod checks;
mod client;
mod coordinator;
mod effects;
mod ending;
mod events;
mod fetcher;
mod member;
mod mistakes;
mod operations;
mod pipeline;
mod script;
mod servers;
mod settings;
mod statistics;
mod world;

/// A group's members.
struct Members;

impl Simulation for Members {
    type Operation = Operation;
    type Mistake = Mistake;
    type Violation = Violation;
    type Happened = Happened;

    const PANICKED: Violation = Violation::Panicked;
    const HISTORIES: u64 = 3_000;
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
    ::simulation::histories::<Members>();
}

#[test]
fn a_seed_gives_the_same_history_again() {
    ::simulation::repeats::<Members>();
}
