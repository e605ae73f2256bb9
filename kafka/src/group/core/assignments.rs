//! Which partitions are held, under which assignment, and what of each may be committed. Pure.
//!
//! An [`Assignment`] is a number that only the fetcher's half gives out, a new one each time partitions come. What was
//! fetched under an earlier one is no longer ours: another member may have read on since.

use std::collections::BTreeMap;
use std::time::Instant;

use super::offsets::Offsets;
use super::skips::Skips;

/// The number of an assignment: higher than that of every earlier one of this member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assignment(pub(in crate::group) u64);

/// A record's place: where it is in Kafka, and under which assignment it was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The record's partition.
    pub partition: i32,
    /// The assignment under which it was fetched.
    pub assignment: Assignment,
    /// How often the partition's position was set back under this assignment: after that, the same offset means another
    /// record.
    pub(super) epoch: u32,
    /// The record's offset.
    pub offset: i64,
}

/// A partition that is held.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) assignment: Assignment,
    pub(super) epoch: u32,
    pub(super) offsets: Offsets,
    pub(super) skips: Skips,
    /// When it was assigned.
    pub(super) since: Instant,
    /// The group has been asked what it had committed before.
    pub(super) is_group_asked: bool,
    /// Nothing more is fetched, because too much is not committed.
    pub(super) is_ahead: bool,
}

/// The partitions that are held, each under the assignment in force.
#[derive(Debug, Default)]
pub(super) struct Assignments {
    held: BTreeMap<i32, Held>,
}

impl Assignments {
    /// Adds a partition under this assignment, and forgets what was known of an earlier one.
    pub(super) fn assign(&mut self, partition: i32, assignment: Assignment, now: Instant) {
        let held = Held {
            assignment,
            epoch: 0,
            offsets: Offsets::default(),
            skips: Skips::default(),
            since: now,
            is_group_asked: false,
            is_ahead: false,
        };
        self.held.insert(partition, held);
    }

    /// Removes the partition, if it is still held under this assignment.
    pub(super) fn give_up(&mut self, partition: i32, assignment: Assignment) {
        if self.is_in_force(partition, assignment) {
            self.held.remove(&partition);
        }
    }

    /// Whether this is the assignment under which the partition is held.
    pub(super) fn is_in_force(&self, partition: i32, assignment: Assignment) -> bool {
        self.in_force(partition) == Some(assignment)
    }

    /// The assignment under which the partition is held.
    pub(super) fn in_force(&self, partition: i32) -> Option<Assignment> {
        self.held.get(&partition).map(|held| held.assignment)
    }

    /// The partition, if it is held under this assignment.
    pub(super) fn get_mut(&mut self, partition: i32, assignment: Assignment) -> Option<&mut Held> {
        self.held.get_mut(&partition).filter(|held| held.assignment == assignment)
    }

    /// The partition as it is held.
    pub(super) fn get(&self, partition: i32) -> Option<&Held> {
        self.held.get(&partition)
    }

    /// Every partition that is held.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i32, &Held)> {
        self.held.iter().map(|(partition, held)| (*partition, held))
    }

    /// Every partition that is held.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (i32, &mut Held)> {
        self.held.iter_mut().map(|(partition, held)| (*partition, held))
    }
}
