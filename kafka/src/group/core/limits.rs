//! The bounds of a member's work.

use std::time::Duration;

use super::brake::BrakeLimits;
use super::buffer::BatchLimits;

/// The bounds of a member's work.
#[derive(Debug, Clone, Copy)]
pub struct GroupLimits {
    /// When a batch is flushed.
    pub batch: BatchLimits,
    /// `CONSUMER_CONCURRENT_FLUSHES`: batches that are written at the same time.
    pub concurrent_flushes: usize,
    /// How much of one partition may be received and not committed.
    pub run_ahead: RunAhead,
    /// `CONSUMER_REVOKE_TIMEOUT`: longest time to finish partitions that are taken away.
    pub revoke_timeout: Duration,
    /// How many dead letters are normal.
    pub brake: BrakeLimits,
}

/// How much of one partition may be received and not committed, finished or not: all of it is read again after a crash.
/// Beyond either bound only this partition is paused, until it is down to half of both.
#[derive(Debug, Clone, Copy)]
pub struct RunAhead {
    /// `CONSUMER_RUN_AHEAD_RECORDS`.
    pub records: usize,
    /// `CONSUMER_RUN_AHEAD_BYTES`: bytes, as they were in memory.
    pub bytes: usize,
}
