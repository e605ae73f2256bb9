//! How hard the load was for the generator itself, and the rule that says when the generator, not the target, is the
//! limit.
//!
//! A post leaves late for one of two reasons. In the open model all users may still wait for answers: the target is
//! slower than the load, or there are too few users; the generator cannot say which. Or a user was free, and the
//! generator itself was late: then the latencies are partly its own.

use std::time::Duration;

use serde::Serialize;

use super::tally::Tally;

/// A generator that used this share of its threads' cores had nothing left to give.
const BUSY_SHARE: f64 = 0.9;
/// A generator that used less than this share could have done more, had it got the cores.
const IDLE_SHARE: f64 = 0.5;
/// Posts that leave less late than this are on time: timers tick in milliseconds.
const ON_TIME: Duration = Duration::from_millis(5);
/// The tolerated lateness, as a share of the latency that includes it.
const TOLERATED_SHARE: f64 = 0.25;

/// The generator in the report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct GeneratorReport {
    /// From when a post was due and its user free until it was sent: the generator's own part of the latency.
    pub(crate) lateness_ms: LatenessReport,
    /// Posts that no user was free to send when they were due.
    pub(crate) no_free_user: NoFreeUser,
    /// CPU time of the generator's process, as a share of all cores for the time of the load, 0 to 1.
    pub(crate) cpu_share: f64,
    /// Whether the generator limited the figures, so that they describe it and not the target.
    pub(crate) is_limit: bool,
    /// Why; null if it is not the limit.
    pub(crate) why: Option<String>,
}

/// Lateness in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct LatenessReport {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// The wait for a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct NoFreeUser {
    /// The number of posts that waited.
    pub(crate) posts: u64,
    /// The longest wait.
    pub(crate) longest_ms: f64,
}

/// What the rule considers.
#[derive(Debug, Clone, Copy)]
struct Strain {
    /// The lateness that 99 % of the posts did not exceed, and the same for the latency.
    lateness: Duration,
    latency: Duration,
    cpu_share: f64,
    cores: usize,
    threads: u32,
}

impl GeneratorReport {
    /// From the tally, the CPU time that the process used meanwhile, and its cores and threads.
    pub(crate) fn of(tally: &Tally, cpu: Duration, elapsed: Duration, cores: usize, threads: u32) -> Self {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let available = elapsed.as_secs_f64() * cores as f64;
        let cpu_share = if available > 0.0 { (cpu.as_secs_f64() / available).min(1.0) } else { 0.0 };
        let why = limit(&Strain {
            lateness: tally.lateness(0.99),
            latency: tally.latency_of_all(0.99),
            cpu_share,
            cores,
            threads,
        });
        Self {
            lateness_ms: LatenessReport {
                p50: milliseconds(tally.lateness(0.50)),
                p99: milliseconds(tally.lateness(0.99)),
                max: milliseconds(tally.lateness(1.0)),
            },
            no_free_user: NoFreeUser {
                posts: tally.no_free_user,
                longest_ms: milliseconds(tally.longest_wait_for_user),
            },
            cpu_share,
            is_limit: why.is_some(),
            why,
        }
    }
}

/// Why the generator is the limit, if it is.
fn limit(strain: &Strain) -> Option<String> {
    let Strain { lateness, latency, cpu_share, cores, threads } = *strain;
    // More threads than cores still have only the cores.
    let usable = cores.min(usize::try_from(threads).unwrap_or(usize::MAX)).max(1);
    let used = cpu_share * cores as f64 / usable as f64;
    if used >= BUSY_SHARE {
        let percent = (used * 100.0).min(100.0);
        return Some(format!("it used {percent:.0} % of what its {threads} threads can have of {cores} cores"));
    }
    if lateness >= ON_TIME && lateness.as_secs_f64() >= latency.as_secs_f64() * TOLERATED_SHARE {
        let [lateness, latency] = [lateness, latency].map(|time| time.as_secs_f64() * 1e3);
        // A generator that is late without being busy is kept from its cores by other processes.
        let others = if used < IDLE_SHARE { "; others keep it from its cores" } else { "" };
        return Some(format!(
            "one post in a hundred left {lateness:.1} ms late or more with its user free, \
             of a p99 of {latency:.1} ms{others}"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn at_ease() -> Strain {
        Strain { lateness: MILLISECOND, latency: 8 * MILLISECOND, cpu_share: 0.3, cores: 4, threads: 4 }
    }

    #[test]
    fn the_generator_is_the_limit_when_it_is_late_or_busy() {
        assert_eq!(limit(&at_ease()), None);
        let late = Strain { lateness: 30 * MILLISECOND, latency: 100 * MILLISECOND, ..at_ease() };
        assert!(limit(&late).unwrap().contains("left 30.0 ms late or more"), "{:?}", limit(&late));
        assert!(limit(&late).unwrap().ends_with("others keep it from its cores"), "{:?}", limit(&late));
        let at_work = Strain { cpu_share: 0.7, ..late };
        assert!(limit(&at_work).unwrap().ends_with("of a p99 of 100.0 ms"), "{:?}", limit(&at_work));
        let beside_a_slow_target = Strain { latency: 1_000 * MILLISECOND, ..late };
        assert_eq!(limit(&beside_a_slow_target), None, "it hardly shows in the latency");
        let within_a_tick = Strain { lateness: 4 * MILLISECOND, ..at_ease() };
        assert_eq!(limit(&within_a_tick), None, "half of the latency, but no more than timers do");

        let busy = Strain { cpu_share: 0.91, ..at_ease() };
        assert_eq!(limit(&busy).unwrap(), "it used 91 % of what its 4 threads can have of 4 cores");
        let few_threads = Strain { cpu_share: 0.46, threads: 2, ..at_ease() };
        assert!(limit(&few_threads).unwrap().starts_with("it used 92 %"), "half of the cores is all it can have");
        let many_threads = Strain { threads: 64, ..at_ease() };
        assert_eq!(limit(&many_threads), None);
    }

    #[test]
    fn the_share_of_the_cpu_is_that_of_all_cores() {
        let second = Duration::from_secs(1);
        let report = GeneratorReport::of(&Tally::default(), second, 2 * second, 2, 2);
        assert_eq!((report.cpu_share, report.is_limit, report.why), (0.25, false, None));
        assert_eq!(GeneratorReport::of(&Tally::default(), second, Duration::ZERO, 2, 2).cpu_share, 0.0);
    }

    proptest! {
        #[test]
        fn more_strain_never_takes_the_limit_away(
            lateness_us in 0_u64..1_000_000, latency_us in 0_u64..1_000_000, cpu_share in 0.0_f64..1.0,
            more in 0_u64..1_000_000,
        ) {
            let strain = Strain {
                lateness: Duration::from_micros(lateness_us),
                latency: Duration::from_micros(lateness_us + latency_us),
                cpu_share,
                ..at_ease()
            };
            let worse = Strain {
                lateness: strain.lateness + Duration::from_micros(more),
                latency: strain.latency + Duration::from_micros(more),
                ..strain
            };
            prop_assert!(limit(&strain).is_none() || limit(&worse).is_some());
            let busier = Strain { cpu_share: cpu_share.max(0.95), ..strain };
            prop_assert!(limit(&busier).is_some());
        }
    }
}
