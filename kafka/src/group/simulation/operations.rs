//! What the script does to the world.

use std::time::Duration;

use super::broker::{Kind, Record};
use super::member::{Member, Who};
use super::script::{Mix, Mode, Operation};
use super::settings::SMALLEST;
use super::statistics::Happened;
use super::world::{Due, Modes, World};
use crate::group::core::Event;

/// The most partitions.
const MOST_PARTITIONS: usize = 6;

/// A stop that takes longer ends with a kill.
const STOP_GRACE: Duration = Duration::from_secs(10);

impl World {
    pub(super) fn operate(&mut self, operation: Operation) {
        let partitions = self.broker.logs.len();
        match operation {
            Operation::Produce { partition, count, what } => self.produce(partition % partitions, count, what),
            Operation::Milliseconds(_) | Operation::Steps(_) => {}
            Operation::Start(slot) => self.start(slot),
            Operation::Stop(slot) => {
                if let Some(member) = self.members[slot].as_deref_mut().filter(|member| !member.is_stopping) {
                    member.is_stopping = true;
                    member.answers.push(Event::Stop);
                    let who = member.who;
                    self.later(STOP_GRACE, Due::StopOver(who));
                }
            }
            Operation::Kill(slot) => {
                if self.members[slot].is_some() {
                    self.statistics.happened(Happened::Killed);
                    self.kill(slot);
                }
            }
            Operation::Freeze { slot, milliseconds } => self.freeze(slot, Duration::from_millis(milliseconds)),
            Operation::Expel(slot) => {
                let joined = self.members[slot].as_ref().and_then(|member| Some((member.who, member.id?)));
                if let Some((who, id)) = joined.filter(|(_, id)| self.coordinator.remove(*id)) {
                    self.statistics.happened(Happened::Expelled);
                    self.learns_loss(who, id);
                }
            }
            Operation::Store(mode) => {
                self.modes.store = mode;
                self.pause_shown_since = self.now;
                self.release_hanging();
            }
            Operation::Letters(mode) => {
                self.modes.letters = mode;
                self.release_hanging();
            }
            Operation::Commits(mode) => {
                self.modes.commits = mode;
                self.release_hanging();
            }
            Operation::PausesFail(fail) => self.modes.pauses_fail = fail,
            Operation::WatchesFail(fail) => self.modes.watches_fail = fail,
            Operation::Retain { partition, records } => self.broker.retain(partition % partitions, records),
            Operation::AddPartition => {
                if partitions < MOST_PARTITIONS {
                    self.broker.logs.push(Default::default());
                    self.coordinator.needs_rebalance = true;
                    self.statistics.happened(Happened::PartitionAdded);
                }
            }
            Operation::Recreate(partition) => self.broker.recreate(partition % partitions),
            Operation::ReleaseBrake(slot) => self.release_brake(slot),
            Operation::Pause(is_paused) => self.pause(is_paused),
        }
    }

    pub(super) fn start(&mut self, slot: usize) {
        if self.members[slot].is_some() {
            return;
        }
        self.lives += 1;
        let who = Who { slot, life: self.lives };
        self.members[slot] = Some(Box::new(Member::new(who, &self.settings, self.mistake, self.now)));
        let (join, watch) = (self.random.millis(0, 500), self.random.millis(0, 1_000));
        self.later(join, Due::Join(who));
        self.later(watch, Due::Watch(who));
        if self.settings.is_administered {
            self.later(join, Due::AsksIfPaused(who));
        }
    }

    fn pause(&mut self, is_paused: bool) {
        if std::mem::replace(&mut self.modes.is_paused, is_paused) != is_paused {
            self.pause_shown_since = self.now;
            self.statistics.happened(if is_paused { Happened::OperatorPaused } else { Happened::OperatorResumed });
        }
    }

    /// The process is gone. What it sent is still done; the group waits until its session is over.
    pub(super) fn kill(&mut self, slot: usize) {
        let Some(member) = self.members[slot].take() else { return };
        self.expect_end_of_session(&member);
    }

    pub(super) fn release_brake(&mut self, slot: usize) {
        if let Some(member) = self.members[slot].as_deref_mut().filter(|member| member.core.braked().is_some()) {
            member.answers.push(Event::ReleaseBrake);
            self.statistics.happened(Happened::BrakeReleased);
        }
    }

    /// A member that has stopped leaves the group.
    pub(super) fn leave_if_done(&mut self, slot: usize) {
        let is_done = |member: &mut Box<Member>| member.is_finishing && !member.is_acting && member.core.is_done();
        if let Some(member) = self.members[slot].take_if(is_done) {
            self.statistics.happened(Happened::Stopped);
            member.id.into_iter().for_each(|id| _ = self.coordinator.remove(id));
        }
    }

    fn freeze(&mut self, slot: usize, time: Duration) {
        let Some(mut member) = self.members[slot].take() else { return };
        if !member.is_frozen {
            member.is_frozen = true;
            member.freezes += 1;
            self.later(time, Due::Thaw { who: member.who, freezes: member.freezes });
            self.expect_end_of_session(&member);
        }
        self.members[slot] = Some(member);
    }

    fn expect_end_of_session(&mut self, member: &Member) {
        if let Some(id) = member.id {
            let heartbeat = self.random.millis(0, 1_000);
            let due = Due::SessionOver { id, who: member.who, freezes: member.freezes };
            self.later(self.settings.session.saturating_sub(heartbeat), due);
        }
    }

    fn release_hanging(&mut self) {
        for (who, request) in std::mem::take(&mut self.hanging) {
            self.send(who, request);
        }
    }

    fn produce(&mut self, partition: usize, count: usize, what: Mix) {
        for _ in 0..count {
            let random = &mut self.random;
            let gap = if random.one_in(8) { random.between(1, 3) as i64 } else { 0 };
            let kind = match what {
                Mix::Good | Mix::Large if !random.one_in(8) => Kind::Good,
                Mix::Bad => random.of(&[Kind::Undecodable, Kind::Undecodable, Kind::Conflict]),
                Mix::Replays => random.of(&[Kind::Good, Kind::Undecodable, Kind::Conflict, Kind::Conflict]),
                _ => random.of(&[Kind::Good, Kind::Good, Kind::Good, Kind::Undecodable, Kind::Conflict]),
            };
            let bytes = match what {
                Mix::Large => random.between(500, 2 * self.settings.budget),
                _ => random.between(SMALLEST, 400),
            };
            let key_bytes = if random.one_in(4) { random.between(10, bytes) } else { 10 };
            // Now and then a record has another one's id, as a copy or as a conflict.
            let documents = self.broker.documents.len();
            let document = if documents > 0 && random.one_in(12) { random.below(documents) } else { documents };
            let body = u32::from(document != documents && random.one_in(3));
            if document == documents {
                self.broker.documents.push(None);
            }
            let record = Record {
                partition: partition as i32,
                incarnation: 0,
                offset: 0,
                bytes,
                key_bytes,
                kind,
                is_replay: what == Mix::Replays,
                document,
                body,
                is_deleted: false,
                letters: 0,
                settled: None,
            };
            self.broker.append(gap, record);
        }
    }

    /// All faults are over, and there is a member.
    pub(super) fn heal(&mut self) {
        self.pause(false);
        self.modes = Modes::WELL;
        self.operate(Operation::Store(Mode::Well));
        if self.members.iter().flatten().all(|member| member.is_stopping) {
            let free = self.members.iter().position(Option::is_none);
            free.into_iter().for_each(|slot| self.start(slot));
        }
    }
}
