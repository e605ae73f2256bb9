//! The partitions that are to be given up.

use std::time::Instant;

use super::assignments::Assignment;
use super::commits::Committable;

/// Partitions that are to be given up.
#[derive(Debug)]
pub(super) struct Revoking {
    /// Each with the assignment that ends.
    pub(super) partitions: Vec<(i32, Assignment)>,
    /// When they are given up at the latest.
    pub(super) deadline: Instant,
}

impl Revoking {
    /// Whether this is of a partition that is to be given up.
    pub(super) fn concerns(&self, offset: &Committable) -> bool {
        self.partitions.contains(&(offset.partition, offset.assignment))
    }
}
