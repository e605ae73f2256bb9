//! Histories in virtual time, each from a seed: what the simulations of `kafka` and `submissions` share. The tests of a
//! crate bring the world, its faults and what must hold in it; a [`Simulation`] puts these together.
//!
//! A history is a seed and a script. One that fails prints its seed and the shortest script that fails in the same way:
//! `SIMULATION_SEED=… cargo test -p CRATE --lib simulation` runs it again, and `SIMULATION_HISTORIES=…` sets how many
//! to run. What tests ask of it are [`histories()`], [`repeats`] and, by [`mistakes!`], [`finds`].

use std::fmt::Debug;

pub use histories::{finds, histories, repeats};
pub use random::Random;
pub use statistics::{Happening, Statistics};

mod histories;
mod random;
mod shrink;
mod statistics;

/// A world, what is done to it, and what must hold in it.
pub trait Simulation {
    /// What is done to the world.
    type Operation: Clone + Debug;
    /// A disabled safeguard.
    type Mistake: Copy + Debug;
    /// What does not hold.
    type Violation: Copy + Debug + PartialEq + Send;
    /// What can happen.
    type Happened: Happening;

    /// The violation that a panic is.
    const PANICKED: Self::Violation;
    /// How many histories are run unless `SIMULATION_HISTORIES` says so.
    const HISTORIES: u64;
    /// Every history has at least this many steps.
    const LEAST_STEPS: u64;

    /// A history's sizes and times, for people.
    fn settings(seed: u64) -> impl Debug;

    /// What is done in a history.
    fn script(seed: u64) -> Vec<Self::Operation>;

    /// Runs one history. The seed decides what the script leaves open: what moves next, and how long things take.
    ///
    /// # Errors
    /// What does not hold, in words too.
    fn run(
        seed: u64,
        script: &[Self::Operation],
        mistake: Option<Self::Mistake>,
    ) -> Result<Statistics<Self::Happened>, (Self::Violation, String)>;
}
