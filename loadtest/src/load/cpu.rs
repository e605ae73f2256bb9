//! The CPU time and the cores of this program.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process until now, over all its threads.
pub(crate) fn cpu_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// Processor cores that this program may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
