//! The partitions that must be given up.

use std::time::Instant;

use super::assignments::Assignment;
use super::commits::Committable;

/// Partitions that must be given up.
#[derive(Debug)]
pub(super) struct Revoking {
    /// Each with the assignment that ends.
    pub(super) partitions: Vec<(i32, Assignment)>,
    /// The latest time to give them up.
    pub(super) deadline: Instant,
}

impl Revoking {
    /// Whether this belongs to a partition that must be given up.
    pub(super) fn concerns(&self, offset: &Committable) -> bool {
        self.partitions.contains(&(offset.partition, offset.assignment))
    }
}
