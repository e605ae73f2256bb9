//! What each event changes.

use std::time::Instant;

use super::assignments::Held;
use super::exchange::{Delivery, Event, NotStored};
use super::letters::{Letter, LetterError};
use super::limits::RunAhead;
use super::mistake::Mistake;
use super::received::Received;
use super::state::Core;
use super::trouble::TroubleSubject;
use crate::group::fetching::Wish;

impl<R> Core<R> {
    /// Something happened.
    pub fn handle(&mut self, event: Event<R>, now: Instant) {
        match event {
            Event::Delivered(delivery) => self.delivered(delivery, now),
            Event::Flushed { batch, records, not_stored, why_later } => {
                self.flushed(batch, records, &not_stored, why_later, now);
            }
            Event::LetterSent(letter, outcome) => self.letter_sent(letter, outcome, now),
            Event::Committed(outcome) => self.committed(outcome, now),
            Event::SeenCommitted(offsets) => {
                for (partition, assignment, next) in offsets {
                    let Some(held) = self.assignments.get_mut(partition, assignment) else { continue };
                    held.is_group_asked = true;
                    held.skips.committed(next);
                    if !self.mistakes.make(Mistake::DoubtIgnored) {
                        held.offsets.seen_committed(next);
                    }
                    if held.offsets.committable().is_some() {
                        self.commits.wanted(now);
                    }
                }
            }
            Event::Watermarks { partition, low, high } => {
                let held = self.assignments.in_force(partition);
                if let Some(held) = held.and_then(|assignment| self.assignments.get_mut(partition, assignment)) {
                    let skipped = held.skips.watermarks(low, high).into_iter();
                    self.skipped.extend(skipped.map(|(from, to)| (partition, from, to)));
                }
            }
            Event::ReleaseBrake => {
                self.brake.release();
                let braked = std::mem::take(&mut self.braked);
                for record in &braked {
                    let held = self.assignments.get_mut(record.ticket.partition, record.ticket.assignment);
                    if let Some(held) = held {
                        held.offsets.released(record.ticket.offset, record.ticket.epoch);
                    }
                }
                braked.into_iter().for_each(|record| self.dead_letter(record, now));
                self.wish_again();
            }
            Event::Paused(is_paused) => {
                let stays_paused = self.is_paused && self.mistakes.make(Mistake::ResumeForgotten);
                self.is_paused = is_paused || stays_paused;
                self.wish_again();
            }
            Event::Stop => {
                self.is_stopping = true;
                self.wish_again();
                self.commits.urgent(now);
            }
        }
        self.hurry_revoke(now);
    }

    fn delivered(&mut self, delivery: Delivery<R>, now: Instant) {
        match delivery {
            Delivery::Assigned { assignment, partitions } => {
                // This is the latest end of what was left of earlier assignments.
                let earlier: Vec<_> = partitions
                    .iter()
                    .filter_map(|partition| Some((*partition, self.assignments.in_force(*partition)?)))
                    .collect();
                if !earlier.is_empty() {
                    self.drop_ended(|record| earlier.contains(&(record.ticket.partition, record.ticket.assignment)));
                }
                partitions.iter().for_each(|partition| self.assignments.assign(*partition, assignment, now));
                self.wish_again();
                // The fetcher's half may not know yet.
                self.is_wish_new = true;
            }
            Delivery::Records(records) => records.into_iter().for_each(|record| self.receive(record, now)),
            Delivery::Revoked { partitions, are_lost } => self.revoke(&partitions, are_lost, now),
        }
    }

    fn receive(&mut self, mut record: Received<R>, now: Instant) {
        let ticket = &mut record.ticket;
        if self.mistakes.make(Mistake::StaleRecordAdmitted) && !self.is_stopping {
            let in_force = self.assignments.in_force(ticket.partition).unwrap_or(ticket.assignment);
            ticket.assignment = in_force;
        }
        let held = self.assignments.get_mut(ticket.partition, ticket.assignment);
        let Some(held) = held.filter(|_| !self.is_stopping) else {
            self.stale_records += u64::from(!self.is_stopping);
            self.budget.give_back(record.bytes);
            return;
        };
        if held.offsets.is_set_back(ticket.offset) && !self.mistakes.make(Mistake::SetBackIgnored) {
            held.set_back(ticket.offset);
        }
        ticket.epoch = held.epoch;
        held.skips.received(ticket.offset);
        held.offsets.received(ticket.offset, ticket.epoch, record.timestamp_ms, record.bytes);
        let is_too_far = held.is_beyond(self.limits.run_ahead, 1);
        if is_too_far && !held.is_ahead && !self.mistakes.make(Mistake::UnboundedRunAhead) {
            self.wish_again();
        }
        self.buffer.push(record, now);
        #[cfg(test)]
        if self.mistakes.make(Mistake::TimerMoves) {
            self.buffer.move_deadlines(now);
        }
    }

    fn flushed(
        &mut self,
        batch: u64,
        records: Vec<Received<R>>,
        not_stored: &[(usize, NotStored)],
        why_later: Option<String>,
        now: Instant,
    ) {
        if not_stored.is_empty() {
            // True of nearly every batch: its records need not even be moved.
            for record in &records {
                self.brake.stored();
                self.finish(record, now);
            }
            self.troubles.over(TroubleSubject::Flush(batch));
            self.flushes.ended(batch, Vec::new(), false, now);
            return;
        }
        let (mut later, count) = (Vec::new(), records.len());
        let mut not_stored = not_stored.iter().peekable();
        for (position, record) in records.into_iter().enumerate() {
            match not_stored.next_if(|(at, _)| *at == position).map(|(_, what)| *what) {
                Some(NotStored::Later) if !self.mistakes.make(Mistake::LaterIsForgotten) => {
                    if self.is_current(&record) {
                        later.push(record);
                    } else {
                        self.budget.give_back(record.bytes);
                    }
                }
                Some(NotStored::Never) => self.dead_letter(record, now),
                Some(NotStored::Later) | None => {
                    self.brake.stored();
                    self.finish(&record, now);
                }
            }
        }
        match why_later {
            Some(reason) if !later.is_empty() => self.troubles.failed(TroubleSubject::Flush(batch), reason, now),
            _ => self.troubles.over(TroubleSubject::Flush(batch)),
        }
        let is_whole = later.len() == count;
        self.flushes.ended(batch, later, is_whole, now);
    }

    /// The record can never be stored: it is dead-lettered, or held if there are too many such records. One that was
    /// sent back from the dead letters is already known, and says nothing new about the others.
    fn dead_letter(&mut self, record: Received<R>, now: Instant) {
        if !record.is_replay && self.brake.dead_letter().is_err() {
            if self.mistakes.make(Mistake::BrakedCountsAsFinished) {
                self.finish_ticket(&record, now);
            }
            let held = self.assignments.get_mut(record.ticket.partition, record.ticket.assignment);
            if held.is_some_and(|held| held.offsets.braked(record.ticket.offset, record.ticket.epoch)) {
                self.braked.push(record);
            } else {
                // The partition's next holder reads it again.
                self.budget.give_back(record.bytes);
            }
            if !self.wish.is_nothing {
                self.wish_again();
            }
            return;
        }
        if self.mistakes.make(Mistake::LetterFinishedTooEarly) {
            self.finish_ticket(&record, now);
        }
        self.letters.add(record);
    }

    fn letter_sent(&mut self, letter: Letter<R>, outcome: Result<(), LetterError>, now: Instant) {
        let subject = TroubleSubject::Letter(letter.number);
        let error = match outcome {
            Ok(()) => None,
            Err(_) if self.mistakes.make(Mistake::FailedLetterForgotten) => None,
            Err(error) if letter.shape.after(&error).is_some() && self.mistakes.make(Mistake::LetterNeverChanges) => {
                Some(LetterError::Later("the topic does not take it".to_owned()))
            }
            Err(error) => Some(error),
        };
        let Some(error) = error.filter(|_| self.is_current(&letter.record)) else {
            self.letters.ended(letter.number);
            self.troubles.over(subject);
            self.finish(&letter.record, now);
            return;
        };
        if letter.shape.after(&error).is_none() {
            let reason = match &error {
                LetterError::TooLarge => "even its headers alone are too large for the topic",
                LetterError::TooOld => "the topic takes no timestamp",
                LetterError::NeedsKey => "the topic takes no key",
                LetterError::Later(reason) => reason,
            };
            self.troubles.failed(subject, format!("Kafka does not take dead letters: {reason}"), now);
        }
        self.letters.failed(letter, &error, now);
    }

    fn committed(&mut self, outcome: Result<(), String>, now: Instant) {
        let Some(commit) = self.commits.answered() else { return };
        let outcome = if self.mistakes.make(Mistake::FailedCommitForgotten) { Ok(()) } else { outcome };
        match outcome {
            Ok(()) => {
                self.troubles.over(TroubleSubject::Commit);
                for sent in commit.offsets {
                    let held = self.assignments.get_mut(sent.partition, sent.assignment);
                    let counts =
                        |held: &&mut Held| held.epoch == sent.epoch || self.mistakes.make(Mistake::LateCommitCounts);
                    if let Some(held) = held.filter(counts) {
                        held.offsets.committed(sent.next);
                    }
                }
                if self.assignments.iter().any(|(_, held)| held.is_ahead) {
                    self.wish_again();
                }
                if !self.committable().is_empty() {
                    self.commits.wanted(now);
                }
            }
            Err(reason) => {
                self.troubles.failed(TroubleSubject::Commit, reason, now);
                self.commits.failed(now);
            }
        }
        if self.is_stopping {
            self.commits.urgent(now);
        }
    }

    /// The record is stored, or acknowledged as a dead letter.
    fn finish(&mut self, record: &Received<R>, now: Instant) {
        self.budget.give_back(record.bytes);
        self.finish_ticket(record, now);
    }

    fn finish_ticket(&mut self, record: &Received<R>, now: Instant) {
        let ticket = record.ticket;
        let assignment = if self.mistakes.make(Mistake::LateFinishCounts) {
            self.assignments.in_force(ticket.partition).unwrap_or(ticket.assignment)
        } else {
            ticket.assignment
        };
        let held = self.assignments.get_mut(ticket.partition, assignment);
        if held.is_some_and(|held| held.offsets.finished(ticket.offset, ticket.epoch)) {
            if self.is_stopping { self.commits.urgent(now) } else { self.commits.wanted(now) }
        }
    }

    /// Whether the record's partition is still held under the record's assignment.
    fn is_current(&self, record: &Received<R>) -> bool {
        self.assignments.is_in_force(record.ticket.partition, record.ticket.assignment)
    }

    /// What must be fetched may have changed.
    pub(super) fn wish_again(&mut self) {
        let run_ahead = self.limits.run_ahead;
        let is_bounded = !self.mistakes.make(Mistake::UnboundedRunAhead);
        for (_, held) in self.assignments.iter_mut() {
            held.is_ahead = is_bounded && held.is_beyond(run_ahead, if held.is_ahead { 2 } else { 1 });
        }
        let wish = Wish {
            is_nothing: self.is_stopping
                || self.is_paused && !self.mistakes.make(Mistake::PauseIgnored)
                || self.brake.exceeded().is_some() && !self.mistakes.make(Mistake::BrakeDoesNotPause),
            ahead: self.assignments.iter().filter(|(_, held)| held.is_ahead).map(|(partition, _)| partition).collect(),
        };
        if wish != self.wish {
            self.wish = wish;
            self.is_wish_new = true;
        }
    }
}

impl Held {
    /// Whether more than a part of the bounds is received and not committed.
    fn is_beyond(&self, bound: RunAhead, divisor: usize) -> bool {
        let (records, bytes) = self.offsets.uncommitted();
        records > bound.records / divisor || bytes > bound.bytes / divisor
    }

    /// The partition's position was set back: from this offset on the same offsets mean other records.
    fn set_back(&mut self, offset: i64) {
        self.epoch += 1;
        self.offsets.set_back(offset);
        self.skips.set_back();
    }
}
