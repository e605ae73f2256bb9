//! The pipeline's thread of a member: events to the core, actions to the world.

use super::member::{CoreRevoke, Member, Progress, Sent};
use super::statistics::Happened;
use super::world::World;
use crate::group::core::{Action, Delivery, Event, NotStored};

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

    /// Of the stream in order, of the answers any.
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
                member.progress.extend(partitions.iter().map(|partition| (*partition, Progress::new(*assignment))));
            }
            Event::Delivered(Delivery::Records(records)) => {
                for record in records {
                    record.cargo.handed = Some(self.now);
                    let (ticket, incarnation) = (record.ticket, self.broker.records[record.cargo.record].incarnation);
                    let is_finishing = member.is_finishing;
                    let progress = member.progress(ticket.partition, ticket.assignment).filter(|_| !is_finishing);
                    let Some(progress) = progress else { continue };
                    if progress.received.last().is_some_and(|last| ticket.offset <= *last) {
                        self.statistics.happened(Happened::SetBack);
                        progress.received.clear();
                        progress.acknowledged = None;
                        progress.reported.clear();
                    }
                    progress.incarnation = incarnation;
                    progress.received.push(ticket.offset);
                }
            }
            Event::Delivered(Delivery::Revoked { partitions, are_lost }) => {
                self.forget_revoked(member);
                let deadline = self.now + self.settings.limits.revoke_timeout;
                let revoke = CoreRevoke { partitions: partitions.clone(), deadline, are_lost: *are_lost };
                member.core_revoke = Some(revoke);
            }
            Event::Flushed { records, not_stored, .. } => {
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
                        progress.first_seen = progress.first_seen.or(*next);
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
