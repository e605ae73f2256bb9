//! A record on its way through the core.

use super::assignments::{Assignment, Ticket};

/// A record that was fetched.
#[derive(Debug)]
pub struct Received<R> {
    /// Its place.
    pub ticket: Ticket,
    /// Its timestamp, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// Its bytes in the budget.
    pub bytes: usize,
    /// It was sent back from the dead letters.
    pub is_replay: bool,
    /// Its content, which does not concern the core.
    pub cargo: R,
}

impl<R> Received<R> {
    /// A record as it was fetched, under this assignment. `bytes` counts towards the budget.
    pub fn new(partition: i32, offset: i64, assignment: Assignment, bytes: usize, cargo: R) -> Self {
        let ticket = Ticket { partition, assignment, epoch: 0, offset };
        Self { ticket, timestamp_ms: 0, bytes, is_replay: false, cargo }
    }
}
