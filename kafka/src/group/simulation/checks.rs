//! What must hold after every step.

use std::time::{Duration, Instant};

use super::member::{Cargo, Member};
use super::script::Mode;
use super::settings::SMALLEST;
use super::statistics::Happened;
use super::world::World;
use crate::group::core::{Event, Flush, Received, Trigger};

/// What does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// A commit passes a record that is accepted and neither stored nor dead-lettered nor deleted by retention: it is
    /// lost.
    CommitPassesUnfinished,
    /// A good record is in the store and among the dead letters.
    StoredAndDeadLettered,
    /// A record was written again, or dead-lettered again, although the member knew that it was.
    DoneAgain,
    /// A member holds more than its budget and one record.
    BudgetExceeded,
    /// A member keeps fetching a partition although too much of it is not committed.
    RanAhead,
    /// A member keeps fetching although there are too many dead letters.
    FetchedWhileBraked,
    /// A member keeps fetching although operators have paused it, or before it has learnt whether they have.
    FetchedWhilePaused,
    /// A batch waited for longer than its interval.
    BatchLate,
    /// Partitions were given up needlessly before all was finished and committed.
    GivenUpTooEarly,
    /// Partitions were given up long after the time for it was over.
    GivenUpTooLate,
    /// A batch was started before what was left of an earlier one of the same partition.
    OutOfOrder,
    /// Offsets were reported as skipped that were not, or twice, or skipped ones not at all.
    SkipsWrong,
    /// The core asks to be woken at a time in the past, and then does nothing.
    Spins,
    /// The core has something to do before the time at which it asks to be woken.
    Oversleeps,
    /// With all faults over, the group does not reach its end.
    NeverSettles,
    /// The code panicked.
    Panicked,
}

/// How late a batch may start after its interval: threads are not scheduled at once.
const BATCH_SLACK: Duration = Duration::from_secs(1);

/// How long after a pause a member may still fetch.
const PAUSE_SLACK: Duration = Duration::from_secs(3);

impl World {
    /// One record may exceed the budget, however large it is, because the look for room comes before it.
    pub(super) fn check_memory(&mut self, member: &Member) {
        let bound = member.budget.limit() + self.broker.largest + member.unpaused;
        let held = member.budget.held();
        if held > bound {
            self.violate(Violation::BudgetExceeded, || format!("{held} bytes held, at most {bound} allowed"));
        }
    }

    /// A record of the partition is polled.
    pub(super) fn check_polled(&mut self, member: &mut Member, partition: i32) {
        // What the pipeline has not said yet is not known here, and a pause may fail.
        if member.is_acting || self.modes.pauses_fail || member.fetching.changes(&member.wish) != Default::default() {
            return;
        }
        if let Some((exceeded, _)) = member.core.braked() {
            self.violate(Violation::FetchedWhileBraked, || format!("{exceeded}"));
        }
        self.check_pause(member);
        let assignment = member.fetching.assignment(partition);
        let bound = self.settings.limits.run_ahead;
        let is_known = assignment.is_some_and(|assignment| member.progress(partition, assignment).is_some());
        let (records, bytes) = member.core.uncommitted(partition);
        if is_known && (records > bound.records || bytes > bound.bytes) {
            self.violate(Violation::RanAhead, || {
                format!("{records} records, {bytes} bytes of {partition}, and one more")
            });
        }
    }

    /// A record is polled: nobody has paused the member, as far as it knows, or can have known for a while.
    fn check_pause(&mut self, member: &Member) {
        let has_news = member.answers.iter().any(|event| matches!(event, Event::Paused(_)));
        if member.knows_pause != Some(false) && !has_news {
            self.violate(Violation::FetchedWhilePaused, || format!("it knows {:?}", member.knows_pause));
        }
        let since = self.pause_shown_since.max(member.running_since);
        if self.modes.is_paused && self.modes.store == Mode::Well && self.now > since + PAUSE_SLACK {
            let late = self.now - since;
            self.violate(Violation::FetchedWhilePaused, || format!("{late:?} after the pause"));
        }
    }

    pub(super) fn check_batch(&mut self, member: &mut Member, batch: &Flush<Cargo>) {
        batch.records.iter().for_each(|record| self.check_not_settled(member, record));
        self.check_order(member, batch);
        let limits = self.settings.limits.batch;
        let Some(first) = batch.records.first().and_then(|record| record.cargo.handed) else { return };
        let could = first.max(member.could_not_flush).max(member.running_since);
        if batch.attempt == 0 && batch.trigger != Trigger::Revoke && self.now > could + limits.interval + BATCH_SLACK {
            let waited = self.now - could;
            self.violate(Violation::BatchLate, || format!("{waited:?} instead of {:?}", limits.interval));
        }
        if batch.records.len() > limits.messages {
            let records = batch.records.len();
            self.violate(Violation::BudgetExceeded, || format!("a batch of {records} records"));
        }
    }

    fn check_order(&mut self, member: &mut Member, batch: &Flush<Cargo>) {
        let places: Vec<_> =
            batch.records.iter().map(|record| (record.ticket.partition, record.ticket.assignment)).collect();
        let mut others = member.unwritten.iter().filter(|(number, _)| **number != batch.number);
        let earlier = others.find(|(_, left)| left.iter().any(|place| places.contains(place)));
        if let Some((earlier, _)) = earlier.filter(|_| self.settings.is_ordered) {
            self.violate(Violation::OutOfOrder, || format!("batch {} before {earlier} is over", batch.number));
        }
        member.unwritten.insert(batch.number, places);
    }

    pub(super) fn check_not_settled(&mut self, member: &Member, record: &Received<Cargo>) {
        let settled = self.broker.records[record.cargo.record].settled;
        if settled == Some((member.who.life, record.ticket.assignment)) {
            self.violate(Violation::DoneAgain, || format!("record {}", record.cargo.record));
        }
    }

    /// The core is quiet for now.
    pub(super) fn check_core(&mut self, member: &mut Member) {
        if member.is_acting {
            return;
        }
        if member.wake.is_some_and(|wake| wake <= self.now) {
            self.violate(Violation::Spins, || "a deadline that is over".to_owned());
        }
        let bound = self.settings.limits.run_ahead;
        let in_budget = member.budget.limit() + 2 * self.broker.largest + member.unpaused;
        for state in member.core.partitions() {
            let most = bound.records + in_budget / SMALLEST;
            if state.uncommitted > most {
                let uncommitted = state.uncommitted;
                self.violate(Violation::RanAhead, || format!("{uncommitted} records uncommitted, at most {most}"));
            }
        }
    }

    /// Everyone sleeps until then.
    pub(super) fn check_sleep(&mut self, until: Instant) {
        let before = (until - Duration::from_millis(1)).max(self.now);
        for slot in 0..self.members.len() {
            let member = self.members[slot].as_deref_mut().filter(|member| !member.is_frozen);
            if let Some(action) = member.and_then(|member| member.core.next_action(before)) {
                self.violate(Violation::Oversleeps, || format!("member {slot} has {action:?}"));
            }
        }
    }

    /// The core allows a revoke's partitions to be given up.
    pub(super) fn check_given_up(&mut self, member: &mut Member) {
        let Some(revoke) = &member.core_revoke else { return };
        if revoke.are_lost {
            return;
        }
        // Time passes a little from step to step.
        if self.now > revoke.deadline.max(member.running_since) + Duration::from_secs(1) {
            let late = self.now - revoke.deadline;
            self.violate(Violation::GivenUpTooLate, || format!("{late:?} too late"));
        }
        if self.now >= revoke.deadline {
            return self.statistics.happened(Happened::RevokeTimedOut);
        }
        self.statistics.happened(Happened::RevokeSettled);
        if member.is_stopping || member.core.braked().is_some() {
            return;
        }
        for partition in revoke.partitions.clone() {
            let Some(progress) = member.progress.get(&partition) else { continue };
            let (last, acknowledged) = (progress.received.last().copied(), progress.acknowledged);
            if last.is_some_and(|last| acknowledged != Some(last + 1)) {
                self.violate(Violation::GivenUpTooEarly, || {
                    format!("received up to {last:?}, committed {acknowledged:?}")
                });
            }
        }
    }

    pub(super) fn check_skipped(&mut self, member: &mut Member, partition: i32, from: i64, to: i64) {
        self.statistics.happened(Happened::SkipReported);
        let log = &self.broker.logs[partition as usize];
        let Some(progress) = member.progress.get_mut(&partition) else { return };
        let was_received = progress.received.iter().any(|offset| (from..to).contains(offset));
        let was_reported = progress.reported.iter().any(|(first, last)| from < *last && *first < to);
        // Where offsets started again, old and new ones cannot be distinguished here.
        let is_there = to > log.low && log.incarnation == 0;
        progress.reported.push((from, to));
        // What was read and is held up for seconds counts as skipped if all the rest is deleted.
        if self.settings.hands_on_late {
            return;
        }
        if from >= to || was_received || was_reported || is_there {
            let detail = format!(
                "{from} to {to} of {partition}, low {}, received {was_received}, reported {was_reported}",
                log.low
            );
            self.violate(Violation::SkipsWrong, || detail);
        }
    }
}
