//! Giving partitions up: first their records are finished, then committed, then the partitions are given up. If their
//! time is over first, their next holder reads the rest again.

use std::time::Instant;

use super::assignments::Assignment;
use super::mistake::Mistake;
use super::received::Received;
use super::revoking::Revoking;
use super::state::Core;
use super::trouble::TroubleSubject;

impl<R> Core<R> {
    /// These partitions must be given up, or are already lost.
    pub(super) fn revoke(&mut self, partitions: &[i32], are_lost: bool, now: Instant) {
        // A revoke that was not answered in time is over: the fetcher's half has continued.
        self.give_up();
        let held = partitions.iter().filter_map(|partition| Some((*partition, self.assignments.in_force(*partition)?)));
        let partitions: Vec<(i32, Assignment)> = held.collect();
        if are_lost {
            self.revoking = Some(Revoking { partitions, deadline: now });
            return;
        }
        let mut waiting = self.buffer.take_if(|record| partitions.iter().any(|(id, _)| *id == record.ticket.partition));
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(self.limits.batch.messages));
            self.flushes.urge(std::mem::replace(&mut waiting, rest));
        }
        self.revoking = Some(Revoking { partitions, deadline: now + self.limits.revoke_timeout });
        self.commits.urgent(now);
    }

    /// Whether partitions may be given up now: their records are finished and committed, or their time is over. A
    /// commit that is on its way counts, too: if it reached Kafka after another member's, it would set the offset back.
    pub(super) fn may_give_up(&self, now: Instant) -> bool {
        let Some(revoking) = &self.revoking else { return false };
        let is_settled =
            self.is_settled(revoking) && self.commits.in_flight().is_none() && !self.is_committable(revoking);
        is_settled || revoking.deadline <= now && !self.mistakes.make(Mistake::RevokeHasNoDeadline)
    }

    /// Commits at once what a revoke waits for, as soon as it is finished.
    pub(super) fn hurry_revoke(&mut self, now: Instant) {
        let is_waiting = |revoking: &Revoking| self.is_settled(revoking) && self.is_committable(revoking);
        if self.revoking.as_ref().is_some_and(is_waiting) {
            self.commits.urgent(now);
        }
    }

    /// Gives up what is being revoked. A flush of its records that ends later counts for nothing.
    pub(super) fn give_up(&mut self) {
        let Some(Revoking { partitions, .. }) = self.revoking.take() else { return };
        for (partition, assignment) in &partitions {
            self.assignments.give_up(*partition, *assignment);
        }
        self.drop_ended(|record| partitions.contains(&(record.ticket.partition, record.ticket.assignment)));
        self.wish_again();
    }

    /// Drops records of assignments that have ended, wherever they wait. Those on their way are dropped when their
    /// answers come.
    pub(super) fn drop_ended(&mut self, is_ended: impl Fn(&Received<R>) -> bool) {
        let mut dropped = self.buffer.take_if(&is_ended);
        let (waiting, over) = self.flushes.drop_waiting(&is_ended);
        dropped.extend(waiting);
        over.into_iter().for_each(|number| self.troubles.over(TroubleSubject::Flush(number)));
        for letter in self.letters.drop_waiting(&is_ended) {
            self.troubles.over(TroubleSubject::Letter(letter.number));
            dropped.push(letter.record);
        }
        dropped.extend(self.braked.extract_if(.., |record| is_ended(record)));
        if !self.mistakes.make(Mistake::BudgetLeaks) {
            dropped.iter().for_each(|record| self.budget.give_back(record.bytes));
        }
    }

    /// Whether nothing of these partitions is unfinished, apart from what the brake holds.
    fn is_settled(&self, revoking: &Revoking) -> bool {
        if self.mistakes.make(Mistake::RevokeForgetsUnfinished) {
            return true;
        }
        revoking.partitions.iter().all(|(partition, assignment)| {
            let held = self.assignments.get(*partition).filter(|held| held.assignment == *assignment);
            held.is_none_or(|held| held.offsets.unfinished() == 0)
        })
    }

    fn is_committable(&self, revoking: &Revoking) -> bool {
        let offsets = self.committable();
        offsets.iter().any(|offset| revoking.concerns(offset))
    }
}
