//! A history's sizes and times, drawn from its seed. They are small, so that bounds are often reached.

use std::time::Duration;

use simulation::Random;

use crate::lease::Terms;
use crate::sweeper::core::SweepPlan;
use crate::worker::core::Plan;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Processes that can run, each with a worker and a sweeper.
    pub(super) slots: usize,
    pub(super) worker: Plan,
    pub(super) sweeper: SweepPlan,
    /// Different contents; the fewer there are, the more verdicts come from the cache.
    pub(super) contents: usize,
}

impl Settings {
    pub(super) fn of(seed: u64) -> Self {
        let random = &mut Random::new(seed ^ 0x5E77_1465);
        // Where attempts time out soon, a lease that nobody knows of would be found by that.
        let work_timeout = if random.one_in(3) { Duration::from_secs(8) } else { Duration::from_secs(1_200) };
        let terms = Terms {
            heartbeat: Duration::from_secs(1),
            work_timeout,
            max_attempts: random.between(1, 4) as u32,
            retry_backoff: random.millis(0, 1_000),
        };
        let work_time = if random.one_in(3) { Duration::ZERO } else { random.millis(1, 3_000) };
        let most_at_once = random.between(1, 6) as u32;
        let is_announced = random.one_in(3);
        Self {
            slots: random.between(1, 3),
            worker: Plan {
                terms,
                concurrency: random.between(2, 10) as u32,
                most_at_once,
                work_time,
                failures_percent: random.of(&[0, 0, 20, 50]),
                poll_interval: random.millis(100, 800),
                cache_entries: random.of(&[0, 0, 3, 20]),
                waits_for_announcements: is_announced,
            },
            sweeper: SweepPlan {
                terms,
                retention: Duration::from_secs(1_000_000),
                most_at_once,
                announces_after: is_announced.then(|| Duration::from_secs(2)),
            },
            contents: random.of(&[4, 1_000]),
        }
    }
}
