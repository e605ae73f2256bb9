//! Announcements: how workers learn what to claim where they do not look in the store themselves. They get lost, and
//! with the process that has them.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::checks::Violation;
use super::model::{Model, place};
use super::process::{Process, Reply};
use super::statistics::Happened;
use super::world::World;
use crate::status::Status;
use crate::store::Job;
use crate::worker::core::Event;

impl World {
    /// These submissions are announced, in small batches, each to any process.
    pub(super) fn tell(&mut self, mut ids: Vec<Uuid>) {
        if !self.settings.worker.waits_for_announcements {
            return;
        }
        while !ids.is_empty() {
            let rest = ids.split_off(self.random.between(1, 4).min(ids.len()));
            let batch = std::mem::replace(&mut ids, rest);
            self.announcements += 1;
            let (number, slot) = (self.announcements, self.random.below(self.settings.slots));
            let is_lost = self.random.one_in(5);
            let process = self.processes[slot].as_deref_mut().filter(|_| !is_lost);
            self.statistics.happened(if process.is_some() { Happened::Announced } else { Happened::AnnouncementLost });
            if let Some(process) = process {
                process.inbox.push(Reply::Worker(Event::Announced { number, ids: batch }));
            }
        }
    }

    /// Submissions that a sweeper announces.
    pub(super) fn overdue(&mut self, overdue: Duration, limit: u32) -> Vec<Uuid> {
        let is_over = |since: Instant| self.now.saturating_duration_since(since) > overdue;
        let pending = self.store.rows.iter().filter(|row| row.it.status == Status::Pending && is_over(row.run_at));
        let due = pending.filter(|row| self.announced_at.get(&row.it.id).is_none_or(|at| is_over(*at)));
        let ids: Vec<Uuid> = due.take(limit as usize).map(|row| row.it.id).collect();
        for id in &ids {
            self.statistics.happened(Happened::AnnouncedAgain);
            self.announced_at.insert(*id, self.now);
        }
        ids
    }

    /// Takes in with which batches the worker is done. What it hands back is announced again.
    pub(super) fn hear_over(&mut self, process: &mut Process) {
        for over in process.worker.take_over() {
            if !process.unanswered.remove(&over.number) {
                self.violate(Violation::AnnouncementUnanswered, || format!("{over:?} is over twice"));
            }
            if !over.unclaimed.is_empty() {
                self.statistics.happened(Happened::HandedBack);
            }
            self.tell(over.unclaimed);
        }
    }

    /// The worker has stopped.
    pub(super) fn check_announcements(&mut self, process: &Process) {
        if !process.unanswered.is_empty() {
            self.violate(Violation::AnnouncementUnanswered, || format!("{:?}", process.unanswered));
        }
    }
}

impl Model {
    pub(super) fn claim_these(&mut self, worker: Uuid, ids: &[Uuid], now: Instant) -> Vec<Job> {
        if !self.workers.contains_key(&worker) {
            return Vec::new();
        }
        let mut jobs = Vec::new();
        for place in ids.iter().map(|id| place(*id)) {
            let row = &self.rows[place];
            if row.it.status == Status::Pending && row.run_at <= now {
                jobs.push(self.claim_one(place, worker, now));
            }
        }
        jobs
    }
}
