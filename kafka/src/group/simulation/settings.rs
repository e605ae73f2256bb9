//! A history's sizes and times, drawn from its seed. They are small, so that bounds are often reached.

use std::time::Duration;

use simulation::Random;

use crate::group::core::{BatchLimits, BrakeLimits, GroupLimits, RunAhead};

/// The bytes of the smallest record.
pub(super) const SMALLEST: usize = 50;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) partitions: usize,
    /// Processes that can be members.
    pub(super) slots: usize,
    pub(super) limits: GroupLimits,
    /// Bytes of each member's budget.
    pub(super) budget: usize,
    /// A member that is silent for this long is expelled.
    pub(super) session: Duration,
    /// The largest record that the dead-letter topic takes, in bytes.
    pub(super) letter_limit: usize,
    /// The dead-letter topic takes recent timestamps only, and nothing without a key.
    pub(super) is_letter_topic_strict: bool,
    /// How often a member asks for offsets and watermarks.
    pub(super) watch: Duration,
    /// Members may hand on what they have gathered long after a revoke or an assign instead of before. The shell does
    /// not; but because each record carries its assignment, it must do no harm.
    pub(super) hands_on_late: bool,
    /// One batch is written at a time, and the records of a partition in their order.
    pub(super) is_ordered: bool,
    /// Operators pause and resume fetching. Where they do not, members know from the start that nothing is paused.
    pub(super) is_administered: bool,
}

impl Settings {
    pub(super) fn of(seed: u64) -> Self {
        let random = &mut Random::new(seed ^ 0x5E77_1465);
        let batch = BatchLimits {
            messages: random.between(2, 12),
            bytes: random.between(500, 4_000),
            interval: random.millis(300, 3_000),
        };
        let run_ahead = RunAhead { records: random.between(8, 40), bytes: random.between(2_000, 10_000) };
        let max_consecutive = if random.one_in(3) { 0 } else { random.between(3, 8) };
        let settings = Self {
            partitions: random.between(1, 4),
            slots: random.between(2, 4),
            limits: GroupLimits {
                batch,
                concurrent_flushes: random.between(1, 3),
                run_ahead,
                revoke_timeout: random.millis(500, 3_000),
                brake: BrakeLimits { max_share: 1.0, max_consecutive },
            },
            budget: random.between(2_000, 8_000),
            session: random.millis(5_000, 8_000),
            letter_limit: random.between(600, 3_000),
            watch: random.millis(1_000, 4_000),
            hands_on_late: random.one_in(3),
            is_letter_topic_strict: random.one_in(3),
            is_administered: random.one_in(3),
            is_ordered: false,
        };
        Self { is_ordered: settings.limits.concurrent_flushes == 1 && random.one_in(2), ..settings }
    }
}
