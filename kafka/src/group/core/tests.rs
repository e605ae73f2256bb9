//! Scenes of the core, each with one idea; what happens in all other orders is the simulation's business.

use std::time::{Duration, Instant};

use super::*;

/// A record of the first assignment.
pub(in crate::group) fn received(partition: i32, offset: i64, bytes: usize) -> Received<()> {
    Received::new(partition, offset, Assignment(1), bytes, ())
}
