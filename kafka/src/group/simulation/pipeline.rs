//! A member's pipeline thread: events to the core, actions to the world.

use super::member::{CoreRevoke, Member, Progress, Sent};
use super::statistics::Happened;
use super::world::World;
use crate::group::core::{Action, Delivery, Event, FIRST_COMMIT_WAIT, NotStored};

impl World {
    /// One event, and actions; sometimes it is interrupted between two actions.
    pub(super) fn work(&mut self, member: &mut Member) {
        if !member.core.has_slot() {
            member.could_not_flush = self.now;
        }
        if !member.is_acting {
            member.is_acting = true;
            if let Some(event) = self.next_event(member) {
                self.handle(member, event);
            }
        }
        loop {
            let Some(action) = member.core.next_action(self.now) else {
                member.is_acting = false;
                break;
            };
            self.execute(member, action);
            if self.random.one_in(12) {
                break;
            }
        }
        if !member.core.has_slot() {
            member.could_not_flush = self.now;
        }
        member.wake = member.core.deadline();
        self.check_core(member);
    }

    /// The stream in order, the answers in any order.
    fn next_event(&mut self, member: &mut Member) -> Option<Event<super::member::Cargo>> {
        let is_answer = !member.answers.is_empty() && (member.stream.is_empty() || self.random.one_in(2));
        if is_answer {
            let index = self.random.below(member.answers.len());
            Some(member.answers.swap_remove(index))
        } else {
            member.stream.pop_front().map(Event::Delivered)
        }
    }

    fn handle(&mut self, member: &mut Member, mut event: Event<super::member::Cargo>) {
        self.note(member, &mut event);
        let (stale, was_braked) = (member.core.stale_records(), member.core.braked().is_some());
        member.core.handle(event, self.now);
        if member.core.stale_records() > stale {
            self.statistics.happened(Happened::StaleRecordDropped);
        }
        if member.core.braked().is_some() && !was_braked {
            self.statistics.happened(Happened::BrakeEngaged);
        }
    }

    fn note(&mut self, member: &mut Member, event: &mut Event<super::member::Cargo>) {
        match event {
            Event::Delivered(Delivery::Assigned { assignment, partitions }) => {
                for partition in partitions {
                    let incarnation = member.client.first_incarnation(*partition);
                    member.progress.insert(*partition, Progress::new(*assignment, incarnation, self.now));
                }
            }
            Event::Delivered(Delivery::Records(records)) => {
                for record in records {
                    record.cargo.handed = Some(self.now);
                    let (ticket, incarnation) = (record.ticket, self.broker.records[record.cargo.record].incarnation);
                    let is_finishing = member.is_finishing;
                    let progress = member.progress(ticket.partition, ticket.assignment).filter(|_| !is_finishing);
                    let Some(progress) = progress else { continue };
                    let is_set_back = progress.received.last().is_some_and(|last| ticket.offset <= *last);
                    if is_set_back {
                        self.statistics.happened(Happened::SetBack);
                        progress.received.clear();
                        progress.acknowledged = None;
                    }
                    if progress.incarnation != incarnation {
                        progress.incarnation = incarnation;
                        progress.is_mixed = !is_set_back;
                        progress.reported.clear();
                    }
                    progress.received.push(ticket.offset);
                }
            }
            Event::Delivered(Delivery::Revoked { partitions, are_lost }) => {
                self.forget_revoked(member);
                let deadline = self.now + self.settings.limits.revoke_timeout;
                let revoke = CoreRevoke { partitions: partitions.clone(), deadline, are_lost: *are_lost };
                member.core_revoke = Some(revoke);
            }
            Event::Flushed { batch, records, not_stored, .. } => {
                let later = not_stored.iter().filter(|(_, what)| *what == NotStored::Later);
                let tickets = later.map(|(at, _)| records[*at].ticket);
                member.unwritten.insert(*batch, tickets.map(|at| (at.partition, at.assignment)).collect());
                for (position, record) in records.iter().enumerate() {
                    if !not_stored.iter().any(|(at, _)| *at == position) {
                        let settled = Some((member.who.life, record.ticket.assignment));
                        self.broker.records[record.cargo.record].settled = settled;
                    }
                }
                let later = not_stored.iter().filter(|(_, what)| *what == NotStored::Later).count();
                self.statistics.happened(match later {
                    0 => Happened::Flushed,
                    later if later == records.len() => Happened::FlushFailed,
                    _ => Happened::FlushedInPart,
                });
            }
            Event::Stop => member.is_finishing = true,
            Event::LetterSent(letter, Ok(())) => {
                let settled = Some((member.who.life, letter.record.ticket.assignment));
                self.broker.records[letter.record.cargo.record].settled = settled;
            }
            Event::Committed(Ok(())) => {
                for sent in std::mem::take(&mut member.commit) {
                    let progress = sent.assignment.and_then(|assignment| member.progress(sent.partition, assignment));
                    if let Some(progress) = progress.filter(|progress| progress.incarnation == sent.incarnation) {
                        progress.acknowledged = Some(sent.next);
                    }
                }
            }
            Event::SeenCommitted(offsets) => {
                for (partition, assignment, next) in offsets {
                    if let Some(progress) = member.progress(*partition, *assignment) {
                        progress.first_seen.get_or_insert(*next);
                    }
                }
            }
            _ => {}
        }
    }

    fn execute(&mut self, member: &mut Member, action: Action<super::member::Cargo>) {
        match action {
            Action::Flush(batch) => {
                self.check_batch(member, &batch);
                self.send_batch(member.who, batch);
            }
            Action::SendLetter(letter) => {
                self.check_not_settled(member, &letter.record);
                self.send_letter(member.who, letter);
            }
            Action::Commit(offsets) => {
                for (partition, _) in &offsets {
                    let revoke = &member.core_revoke;
                    let is_revoked = revoke.as_ref().is_some_and(|revoke| revoke.partitions.contains(partition));
                    let is_waited_for = member.is_finishing || is_revoked;
                    if let Some(progress) = member.progress.get_mut(partition) {
                        let is_late = self.now >= progress.since + FIRST_COMMIT_WAIT;
                        progress.is_blind |= progress.first_seen.is_none() && (is_waited_for || is_late);
                    }
                }
                let sent = |(partition, next)| {
                    let progress = member.progress.get(&partition);
                    let incarnation = progress.map_or(0, |progress| progress.incarnation);
                    Sent { partition, next, assignment: progress.map(|progress| progress.assignment), incarnation }
                };
                member.commit = offsets.into_iter().map(sent).collect();
                self.send_commit(member);
            }
            Action::Fetch(wish) => member.wish = wish,
            Action::GiveUp => {
                self.check_given_up(member);
                self.forget_revoked(member);
                member.may_give_up = member.revoke.is_some();
            }
            Action::ReportSkipped { partition, from, to } => self.check_skipped(member, partition, from, to),
        }
    }

    fn forget_revoked(&mut self, member: &mut Member) {
        let revoked = member.core_revoke.take();
        revoked
            .iter()
            .flat_map(|revoke| &revoke.partitions)
            .for_each(|partition| _ = member.progress.remove(partition));
    }
}
