//! What the script does to the world.

use std::time::Duration;

use super::process::{Process, Reply, Who};
use super::script::{Mode, Operation, Sort};
use super::statistics::Happened;
use super::world::{Due, World};
use crate::worker::core::Event;

/// The longest that a request takes, done late: after this, nothing of an earlier mode is on its way.
const LONGEST_REQUEST: Duration = Duration::from_millis(8_500);

impl World {
    pub(super) fn operate(&mut self, operation: Operation) {
        match operation {
            Operation::Create(count) => self.create(count),
            Operation::Milliseconds(_) | Operation::Steps(_) => {}
            Operation::Start(slot) => self.start(slot),
            Operation::Stop(slot) => self.stop(slot),
            Operation::Kill(slot) => {
                if self.processes[slot].take().is_some() {
                    self.statistics.happened(Happened::Killed);
                }
            }
            Operation::Freeze { slot, milliseconds } => self.freeze(slot, Duration::from_millis(milliseconds)),
            Operation::Store(sort, mode) => {
                let (before, now) = (self.modes[sort as usize], self.now);
                self.modes[sort as usize] = mode;
                if before != Mode::Well
                    && let Some(since) = self.well_since(sort)
                {
                    *since = now + LONGEST_REQUEST;
                }
                if mode != Mode::Well
                    && let Some(since) = self.well_since(sort)
                {
                    *since = now + Duration::from_secs(1_000_000);
                }
            }
            Operation::Outage(is_out) => {
                if self.is_out && !is_out {
                    self.outage_over = self.now;
                    self.statistics.happened(Happened::OutageOver);
                }
                if is_out && !self.is_out {
                    self.outage_began = self.now;
                }
                self.is_out = is_out;
            }
            Operation::Cancel(first, count) => (first..first + count).for_each(|place| self.store.cancel(place)),
            Operation::Retry(first, count) => {
                let now = self.now;
                (first..first + count).for_each(|place| self.store.retry(place, now));
                self.announce();
            }
        }
    }

    pub(super) fn start(&mut self, slot: usize) {
        if self.processes[slot].is_some() {
            return;
        }
        self.lives += 1;
        let who = Who { slot, life: self.lives };
        self.processes[slot] = Some(Box::new(Process::new(who, &self.settings, self.mistake, self.now)));
    }

    pub(super) fn stop(&mut self, slot: usize) {
        if let Some(process) = self.processes[slot].as_deref_mut().filter(|process| !process.is_stopping) {
            process.is_stopping = true;
            process.inbox.push(Reply::Worker(Event::Stop));
        }
    }

    /// All faults are over.
    pub(super) fn heal(&mut self) {
        for sort in [Sort::Claims, Sort::Settlements, Sort::Beats, Sort::Sweeps] {
            if self.modes[sort as usize] != Mode::Well {
                self.operate(Operation::Store(sort, Mode::Well));
            }
        }
        self.operate(Operation::Outage(false));
    }

    fn create(&mut self, count: usize) {
        let first = self.store.rows.len();
        for _ in 0..count {
            let content = match (self.random.below(self.settings.contents), self.random.below(4)) {
                (number, 0) => format!("short {number}"),
                (_, 1) => "without any number".to_owned(),
                (number, _) => format!("long enough and with the number {number}"),
            };
            self.store.create(content, self.now);
        }
        let new: Vec<_> = self.store.rows[first..].iter().map(|row| row.it.id).collect();
        self.tell(new);
        self.announce();
    }

    /// Processes are informed that there is something to claim; some are not, and look for themselves.
    fn announce(&mut self) {
        for process in self.processes.iter_mut().flatten() {
            if !self.random.one_in(4) {
                process.inbox.push(Reply::Worker(Event::Arrived));
            }
        }
    }

    fn freeze(&mut self, slot: usize, time: Duration) {
        let Some(process) = self.processes[slot].as_deref_mut().filter(|process| !process.is_frozen) else { return };
        process.is_frozen = true;
        process.freezes += 1;
        let (who, freezes) = (process.who, process.freezes);
        self.statistics.happened(Happened::Frozen);
        self.later(time, Due::Thaw { who, freezes });
    }
}
