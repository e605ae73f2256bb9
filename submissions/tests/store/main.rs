//! What the trait `Store` promises, held against both stores.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
mod stores;

mod changes;
mod claims;
mod concurrent;
mod creates;
mod history;
mod lists;
mod model;
mod opening;
mod outages;
mod owners;
mod settles;
mod sweeps;
mod workers;
