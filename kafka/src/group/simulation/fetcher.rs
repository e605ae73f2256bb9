//! A member's fetcher thread: turns, pauses, polls, and the callbacks within a poll.

use std::time::Instant;

use super::member::{Callback, Cargo, Member, REVOKE_SLACK, Revoke};
use super::statistics::Happened;
use super::world::{Due, World};
use crate::group::core::{Delivery, Mistake, Received};
use crate::group::fetching::Turn;

/// The most records handed on together.
const GATHERED: usize = 100;

impl World {
    /// When the fetcher's thread has something to do.
    pub(super) fn fetcher_ready(&self, member: &Member) -> Option<Instant> {
        if let Some(revoke) = &member.revoke {
            return Some(if member.may_give_up { self.now } else { revoke.until });
        }
        if member.is_stopping {
            return None;
        }
        let (budget, fetching) = (&member.budget, &member.fetching);
        let is_busy = !member.callbacks.is_empty()
            || if fetching.is_full() { budget.has_recovered() } else { !budget.has_room() && !member.wish.is_nothing }
            || member.held_back.is_some() && budget.has_room()
            || member.client.has_record(&self.broker)
            || fetching.changes(&member.wish) != Default::default();
        let gathered = (!member.outbox.is_empty()).then_some(member.lingers_until);
        let at = if is_busy { Some(self.now) } else { gathered };
        at.map(|at| at.max(member.turn_at).max(self.now))
    }

    pub(super) fn fetch(&mut self, member: &mut Member) {
        if member.revoke.is_some() {
            return self.answer_revoke(member);
        }
        let was_full = member.fetching.is_full();
        let turn = member.fetching.turn(&member.budget, &member.wish, self.now);
        match (was_full, member.fetching.is_full()) {
            (false, true) => self.statistics.happened(Happened::PausedAsFull),
            (true, false) => self.statistics.happened(Happened::ResumedAfterFull),
            _ => {}
        }
        self.apply_changes(member);
        if let Some(record) = member.held_back.take_if(|_| member.budget.has_room()) {
            return self.take(member, record);
        }
        match turn {
            Turn::Poll | Turn::PollPaused => self.poll(member, turn),
            Turn::Wait => {
                member.hand_over(self.now);
                member.turn_at = self.now + self.random.millis(10, 200);
                if self.mistake == Some(Mistake::RecordHeldBack) && member.held_back.is_none() {
                    member.held_back = member.client.poll(&self.broker, &mut self.random).map(|(record, _)| record);
                }
            }
        }
        self.check_memory(member);
    }

    fn apply_changes(&mut self, member: &mut Member) {
        let changes = member.fetching.changes(&member.wish);
        for (partitions, is_pause) in [(changes.pause, true), (changes.resume, false)] {
            if partitions.is_empty() {
                continue;
            }
            if self.modes.pauses_fail && !self.random.one_in(3) {
                self.statistics.happened(Happened::PauseFailed);
                member.turn_at = self.now + self.random.millis(10, 200);
                if self.mistake == Some(Mistake::FailedPauseForgotten) {
                    member.fetching.applied(&partitions, is_pause);
                }
                continue;
            }
            for partition in &partitions {
                if is_pause {
                    member.client.pause(*partition);
                    if member.wish.ahead.contains(partition) {
                        self.statistics.happened(Happened::PausedAsAhead);
                    }
                } else {
                    member.client.resume(*partition);
                }
            }
            member.fetching.applied(&partitions, is_pause);
        }
    }

    fn poll(&mut self, member: &mut Member, turn: Turn) {
        let has_record = member.client.has_record(&self.broker);
        if !member.callbacks.is_empty() && (!has_record || self.random.one_in(3)) {
            let callback = member.callbacks.pop_front();
            return callback.into_iter().for_each(|callback| self.call_back(member, callback));
        }
        let Some((record, jump)) = member.client.poll(&self.broker, &mut self.random) else {
            return member.hand_over(self.now);
        };
        let (partition, bytes) = (self.broker.records[record].partition, self.broker.records[record].bytes);
        if let Some((assignment, jump)) = member.fetching.assignment(partition).zip(jump) {
            self.statistics.happened(Happened::RetentionSkipped);
            member.jumps.push((assignment, jump));
        }
        if turn == Turn::PollPaused {
            member.unpaused += bytes;
        } else {
            member.unpaused = 0;
        }
        self.check_polled(member, partition);
        self.take(member, record);
        if member.outbox.len() >= GATHERED || self.random.one_in(4) {
            member.hand_over(self.now);
        }
    }

    /// The record is fetched: it is stamped at once.
    fn take(&mut self, member: &mut Member, index: usize) {
        let record = &self.broker.records[index];
        let Some(assignment) = member.fetching.assignment(record.partition) else { return };
        self.statistics.happened(Happened::Fetched);
        member.budget.take(record.bytes);
        let cargo = Cargo { record: index, handed: None };
        let received = Received::new(record.partition, record.offset, assignment, record.bytes, cargo);
        if self.modes.lingers && member.outbox.is_empty() && self.random.one_in(8) {
            member.lingers_until = self.now + self.random.millis(0, 6_000);
        }
        member.outbox.push(Received { is_replay: record.is_replay, ..received });
    }

    fn call_back(&mut self, member: &mut Member, callback: Callback) {
        member.hand_over(self.now);
        let (partitions, are_lost) = match callback {
            Callback::Assign(partitions) => return self.assign(member, partitions),
            Callback::Revoke(partitions) => (partitions, false),
            Callback::Lost => (member.client.assigned(), true),
        };
        member.stream.push_back(Delivery::Revoked { partitions: partitions.clone(), are_lost });
        let until = self.now + self.settings.limits.revoke_timeout + REVOKE_SLACK;
        member.may_give_up = false;
        member.revoke = Some(Revoke { partitions, until, are_lost });
    }

    fn assign(&mut self, member: &mut Member, partitions: Vec<i32>) {
        self.statistics.happened(Happened::Assigned);
        let assignment = member.fetching.assign(&partitions);
        for partition in &partitions {
            member.client.assign(*partition, &self.broker.logs[*partition as usize]);
        }
        if self.mistake == Some(Mistake::PauseOutlivesAssignment) {
            member.fetching.take_fetched_for_granted(&partitions);
        }
        self.apply_changes(member);
        member.stream.push_back(Delivery::Assigned { assignment, partitions });
    }

    /// The pipeline has answered, or its time is over.
    fn answer_revoke(&mut self, member: &mut Member) {
        let Some(Revoke { partitions, are_lost, .. }) = member.revoke.take() else { return };
        member.fetching.give_up(&partitions);
        partitions.iter().for_each(|partition| member.client.give_up(*partition));
        if are_lost {
            let join = self.random.millis(0, 1_000);
            return self.later(join, Due::Join(member.who));
        }
        if let Some(id) = member.id {
            self.coordinator.gave_up(id, &partitions);
        }
    }
}
