//! What happens by itself: joins, expulsions, rebalances, what a member's watch sees, and answers.

use std::time::Duration;

use super::member::{Callback, Who};
use super::script::Mode;
use super::statistics::Happened;
use super::world::{Due, World};
use crate::group::core::{Assignment, Event};

/// How often a member asks whether it is paused.
const ASKS_EVERY: Duration = Duration::from_secs(1);

impl World {
    pub(super) fn happen(&mut self, due: Due) {
        match due {
            Due::Join(who) => self.join(who),
            Due::SessionOver { id, who, freezes } => {
                let is_heard_of = self.member(who).is_some_and(|member| member.freezes == freezes && !member.is_frozen);
                let has_thawed = self.member(who).is_some_and(|member| member.freezes != freezes);
                if !is_heard_of && !has_thawed {
                    self.coordinator.remove(id);
                }
            }
            Due::Thaw { who, freezes } => self.thaw(who, freezes),
            Due::LearnsLoss { who, id } => {
                let Some(member) = self.member(who).filter(|member| member.id == Some(id)) else { return };
                member.id = None;
                member.callbacks.clear();
                if member.client.assigned().is_empty() && member.revoke.is_none() {
                    self.later(Duration::ZERO, Due::Join(who));
                } else {
                    member.callbacks.push_back(Callback::Lost);
                    self.statistics.happened(Happened::PartitionsLost);
                }
            }
            Due::StopOver(who) => {
                if self.member(who).is_some() {
                    self.kill(who.slot);
                }
            }
            Due::Watch(who) => {
                let Some(member) = self.member(who) else { return };
                let is_frozen = member.is_frozen;
                let held = member.fetching.held();
                let latency = self.random.millis(0, 50);
                if !is_frozen {
                    self.later(latency, Due::Sees(who, held));
                }
                self.later(latency + self.settings.watch, Due::Watch(who));
            }
            Due::AsksIfPaused(who) => self.asks_if_paused(who),
            Due::Sees(who, held) => self.sees(who, &held),
            Due::Done { who, request, fate } => self.done(who, request, fate),
            Due::DoneUnreported { request, is_late } => self.done_unreported(request, is_late),
            Due::Answer(who, event) => {
                if let Some(member) = self.member(who) {
                    member.answers.push(event);
                }
            }
        }
    }

    /// While the store does not answer, the member keeps to what it learnt last; at its start that is nothing.
    fn asks_if_paused(&mut self, who: Who) {
        let (is_paused, can_answer) = (self.modes.is_paused, self.modes.store == Mode::Well);
        let Some(member) = self.member(who) else { return };
        if can_answer && !member.is_frozen && member.knows_pause != Some(is_paused) {
            let is_news = member.knows_pause.is_some();
            member.knows_pause = Some(is_paused);
            member.answers.retain(|event| !matches!(event, Event::Paused(_)));
            member.answers.push(Event::Paused(is_paused));
            if is_paused || is_news {
                self.statistics.happened(if is_paused { Happened::LearntPause } else { Happened::LearntResume });
            }
        }
        self.later(ASKS_EVERY, Due::AsksIfPaused(who));
    }

    fn join(&mut self, who: Who) {
        let Some(member) = self.member(who) else { return };
        if member.id.is_some() || member.is_stopping {
            return;
        }
        if member.is_frozen {
            return self.later(Duration::from_millis(500), Due::Join(who));
        }
        let id = self.coordinator.join(who.slot);
        if let Some(member) = self.member(who) {
            member.id = Some(id);
        }
    }

    fn thaw(&mut self, who: Who, freezes: u64) {
        let now = self.now;
        let Some(member) = self.member(who).filter(|member| member.is_frozen && member.freezes == freezes) else {
            return;
        };
        member.is_frozen = false;
        // The sessions that this freeze would have ended do not end.
        member.freezes += 1;
        member.running_since = now;
        if let Some(id) = member.id {
            let is_expelled = !self.coordinator.members.contains_key(&id);
            self.statistics.happened(if is_expelled { Happened::FrozenTooLong } else { Happened::FrozenShortly });
            if is_expelled {
                self.learns_loss(who, id);
            }
        }
    }

    /// The member is expelled: it learns so at a heartbeat.
    pub(super) fn learns_loss(&mut self, who: Who, id: u64) {
        let heartbeat = self.random.millis(0, 3_000);
        self.later(heartbeat, Due::LearnsLoss { who, id });
    }

    fn sees(&mut self, who: Who, held: &[(i32, Assignment)]) {
        let committed = |(partition, assignment): &(i32, Assignment)| {
            (*partition, *assignment, self.broker.logs[*partition as usize].committed)
        };
        let mut events = vec![Event::SeenCommitted(held.iter().map(committed).collect())];
        if self.modes.watches_fail && self.random.one_in(2) {
            events.clear();
        }
        for (partition, _) in held {
            let log = &self.broker.logs[*partition as usize];
            if !self.modes.watches_fail || partition % 2 == 0 {
                events.push(Event::Watermarks { partition: *partition, low: log.low, high: log.high });
            }
        }
        for event in events {
            let latency = self.random.millis(0, 50);
            self.later(latency, Due::Answer(who, event));
        }
    }

    /// A rebalance waits for every member until it joins or is expelled. Those in a callback join afterwards.
    pub(super) fn can_rebalance(&self) -> bool {
        self.coordinator.needs_rebalance
            && self.coordinator.members.iter().all(|(id, joined)| {
                let member = self.members[joined.slot].as_deref();
                member.is_some_and(|member| {
                    member.id == Some(*id)
                        && !member.is_frozen
                        && member.callbacks.is_empty()
                        && member.revoke.is_none()
                })
            })
    }

    pub(super) fn rebalance(&mut self) {
        for share in self.coordinator.rebalance(self.broker.logs.len()) {
            let Some(member) = self.members[share.slot].as_deref_mut() else { continue };
            member.generation = self.coordinator.generation;
            if !share.revoke.is_empty() {
                member.callbacks.push_back(Callback::Revoke(share.revoke));
            }
            if !share.assign.is_empty() {
                member.callbacks.push_back(Callback::Assign(share.assign));
            }
        }
    }
}
