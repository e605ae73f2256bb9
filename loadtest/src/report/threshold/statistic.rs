//! Figures of many times, such as `p95`, and the units of their limits, by the names that they have in thresholds.

use std::time::Duration;

use crate::load::generator::latencies::Latencies;
use crate::load::visible::seen::Times;

/// A figure of many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistic {
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
    Avg,
}

/// The unit of a time's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    Milliseconds,
    Seconds,
}

impl Statistic {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "p50" => Statistic::P50,
            "p90" => Statistic::P90,
            "p95" => Statistic::P95,
            "p99" => Statistic::P99,
            "p99.9" => Statistic::P999,
            "max" => Statistic::Max,
            "avg" => Statistic::Avg,
            _ => return None,
        })
    }

    pub(crate) fn of_visible(self, times: &Times) -> Option<Duration> {
        match self {
            Statistic::P50 => times.p50,
            Statistic::P90 => times.p90,
            Statistic::P95 => times.p95,
            Statistic::P99 => times.p99,
            Statistic::P999 => times.p999,
            Statistic::Max => times.max,
            Statistic::Avg => times.avg,
        }
    }

    pub(crate) fn of(self, latencies: &Latencies) -> Duration {
        match self {
            Statistic::P50 => latencies.p50,
            Statistic::P90 => latencies.p90,
            Statistic::P95 => latencies.p95,
            Statistic::P99 => latencies.p99,
            Statistic::P999 => latencies.p999,
            Statistic::Max => latencies.max,
            Statistic::Avg => latencies.avg,
        }
    }
}

impl TimeUnit {
    pub(crate) fn named(unit: &str) -> Option<Self> {
        match unit {
            "ms" => Some(TimeUnit::Milliseconds),
            "s" => Some(TimeUnit::Seconds),
            _ => None,
        }
    }

    pub(crate) fn of(self, time: Duration) -> f64 {
        match self {
            TimeUnit::Milliseconds => time.as_secs_f64() * 1e3,
            TimeUnit::Seconds => time.as_secs_f64(),
        }
    }
}
