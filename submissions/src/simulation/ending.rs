//! The end of a history: faults are over, and everything becomes final; then the processes stop.

use std::time::Duration;

use super::checks::Violation;
use super::world::World;

/// Every history has at least this many steps.
pub(super) const LEAST_STEPS: u64 = 40;

/// The time for everything that lasts whatever there is to do: requests that are on their way, backoffs, the time until
/// a worker counts as gone, retries.
const RECOVERY: Duration = Duration::from_secs(60);

/// A stop that goes well takes at most this long.
const STOP: Duration = Duration::from_secs(10);

impl World {
    pub(super) fn end(&mut self) {
        self.heal();
        let plan = &self.settings.worker;
        let rows = self.store.rows.len() as u32;
        // One process may be all there is, and each attempt may fail.
        let work = plan.work_time * (rows * plan.terms.max_attempts).div_ceil(plan.concurrency);
        // Those that get lost are announced again every two seconds.
        let announcing = if plan.waits_for_announcements { RECOVERY } else { Duration::ZERO };
        self.go_on(RECOVERY + announcing + 2 * work, |world| {
            world.start_if_nobody_works();
            world.is_settled()
        });
        if self.violation.is_none() && !self.is_settled() {
            let unsettled = self.unsettled();
            self.violate(Violation::NeverSettles, || format!("{} unsettled: {unsettled:#?}", unsettled.len()));
        }
        (0..self.settings.slots).for_each(|slot| self.stop(slot));
        self.go_on(STOP, |world| world.processes.iter().all(Option::is_none));
        if self.violation.is_none() && self.processes.iter().any(Option::is_some) {
            let detail = format!("{:#?}", self.processes.iter().flatten().next());
            self.violate(Violation::NeverSettles, || format!("a process does not stop: {detail}"));
        }
    }

    fn start_if_nobody_works(&mut self) {
        if self.processes.iter().flatten().all(|process| process.is_stopping) {
            let free = self.processes.iter().position(Option::is_none);
            free.into_iter().for_each(|slot| self.start(slot));
        }
    }

    fn go_on(&mut self, time: Duration, is_over: impl Fn(&mut Self) -> bool) {
        let until = self.now + time;
        while self.now < until && self.violation.is_none() && !is_over(self) {
            self.step(until);
        }
    }
}
