//! CPU time of the processes that take part in a measure, as Linux reports it; elsewhere only the lab's own is known.

use std::fs;
use std::time::{Duration, Instant};

use crate::load::cpu::cpu_time;
use crate::report::limits::measure::{LAB, LimitsSample};

/// The unit in which Linux counts a process's CPU time, whatever the kernel's own ticks are.
const TICKS_PER_SECOND: u64 = 100;

/// Measures time and CPU time from its start on.
pub(crate) struct Meter<'a> {
    processes: Vec<(&'static str, &'a [u32])>,
    since: Instant,
    before: Vec<Option<Duration>>,
}

impl<'a> Meter<'a> {
    /// Starts to measure these processes, and the lab's own.
    pub(crate) fn start(processes: Vec<(&'static str, &'a [u32])>) -> Self {
        let before = used(&processes);
        Self { processes, since: Instant::now(), before }
    }

    /// Ends the measure, in which this many posts were done.
    pub(crate) fn done(self, posts: u64) -> LimitsSample {
        let elapsed = self.since.elapsed();
        let names = std::iter::once(LAB).chain(self.processes.iter().map(|(name, _)| *name));
        let spent = used(&self.processes).into_iter().zip(&self.before);
        let spent = spent.map(|(after, before)| Some(after?.saturating_sub((*before)?)));
        LimitsSample {
            posts,
            elapsed,
            cpu: names.zip(spent).filter_map(|(name, spent)| Some((name, spent?))).collect(),
        }
    }
}

/// CPU time until now: the lab's, then that of each of the others.
fn used(processes: &[(&'static str, &[u32])]) -> Vec<Option<Duration>> {
    let others = processes.iter().map(|(_, pids)| pids.iter().map(|pid| of_process(*pid)).sum());
    std::iter::once(Some(cpu_time())).chain(others).collect()
}

fn of_process(pid: u32) -> Option<Duration> {
    ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
        .map(|ticks| Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

/// Ticks in user and in system mode: fields 14 and 15. Field 2 is a name in parentheses, which may contain anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "71 (a ) 9 (b) S 1 71 71 0 -1 4194560 2147 0 0 0 42 17 0 0 20 0 4 0 5283 12 3 18446744073709551615";
        assert_eq!(ticks(stat), Some(59));
        assert_eq!(ticks("71 (java"), None);
        assert_eq!(ticks("71 (java) S 1 71"), None);
    }
}
