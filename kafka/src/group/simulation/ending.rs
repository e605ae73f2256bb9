//! The end of a history: all faults are over, and within a stated time everything must be in its place.

use std::time::{Duration, Instant};

use super::checks::Violation;
use super::member::{Member, Progress};
use super::script::{Mix, Operation};
use super::world::World;
use crate::group::fetching::Wish;

/// The time within which everything must be in its place.
pub(super) const SETTLES_WITHIN: Duration = Duration::from_secs(120);

/// The fewest steps of a history.
pub(super) const LEAST_STEPS: u64 = 200;

/// How often the brake is released then, if it is engaged.
const RELEASE_EVERY: Duration = Duration::from_secs(1);

impl World {
    pub(super) fn end(&mut self) {
        self.heal();
        while self.statistics.steps < LEAST_STEPS && self.violation.is_none() {
            self.operate(Operation::Produce { partition: 0, count: 10, what: Mix::Mixed });
            let until = self.now + Duration::from_secs(1);
            while self.now < until && self.violation.is_none() {
                self.step(until);
            }
        }
        let until = self.now + SETTLES_WITHIN;
        let mut release_at = self.now;
        while self.violation.is_none() {
            if self.now >= release_at {
                release_at = self.now + RELEASE_EVERY;
                (0..self.members.len()).for_each(|slot| self.release_brake(slot));
                self.heal();
            }
            let Some(reason) = self.unsettled() else { return };
            if self.now >= until {
                return self.violate(Violation::NeverSettles, || reason);
            }
            let look: Instant = (self.now + Duration::from_millis(200)).min(until);
            while self.now < look && self.violation.is_none() {
                self.step(look);
            }
        }
    }

    /// What is not in its place.
    fn unsettled(&self) -> Option<String> {
        for (partition, log) in self.broker.logs.iter().enumerate() {
            if log.lag() > 0 {
                return Some(format!(
                    "partition {partition} has a lag of {}, committed {:?}",
                    log.lag(),
                    log.committed
                ));
            }
            if let Some((offset, _)) = log.records.iter().find(|(_, record)| !self.broker.is_finished(*record)) {
                return Some(format!("record {offset} of partition {partition} is nowhere"));
            }
        }
        self.members.iter().flatten().find_map(|member| self.unsettled_member(member))
    }

    fn unsettled_member(&self, member: &Member) -> Option<String> {
        let slot = member.who.slot;
        if member.is_frozen || member.is_stopping {
            return Some(format!("member {slot} is frozen or stopping"));
        }
        if member.budget.held() > 0 {
            return Some(format!("member {slot} holds {} bytes of its budget", member.budget.held()));
        }
        if member.wish != Wish::default() {
            return Some(format!("member {slot} wishes for {:?}", member.wish));
        }
        if let Some(partition) = member.client.paused() {
            return Some(format!("partition {partition} is paused by member {slot}"));
        }
        if let Some(trouble) = member.core.trouble().or(member.core.commit_trouble()) {
            return Some(format!("member {slot} is in trouble: {}", trouble.reason));
        }
        self.unreported(member)
    }

    /// A jump over deleted offsets that the member must have reported: it still holds the partition.
    fn unreported(&self, member: &Member) -> Option<String> {
        for (assignment, jump) in &member.jumps {
            let progress = member.progress.get(&jump.partition).filter(|progress| progress.assignment == *assignment);
            let incarnation = self.broker.logs[jump.partition as usize].incarnation;
            let is_same = |progress: &&Progress| [incarnation, progress.incarnation] == [jump.incarnation; 2];
            let Some(progress) = progress.filter(is_same) else { continue };
            let is_known = !jump.is_first || progress.first_seen.flatten().is_some() && !progress.is_blind;
            let is_reported = |offset: i64| progress.reported.iter().any(|(from, to)| (*from..*to).contains(&offset));
            if is_known && !progress.is_mixed && !(jump.from..jump.to).all(is_reported) {
                return Some(format!("member {} has not reported {jump:?}", member.who.slot));
            }
        }
        None
    }
}
