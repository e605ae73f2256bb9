//! What was measured, as `limits.json` for programs. Its names are an interface: names are added, never changed.

use serde::Serialize;

use crate::load::statistics::median;
use measure::{LimitsMeasure, LimitsSample, PROCESSES, Samples};

pub(crate) mod measure;
pub(crate) mod table;

/// All measures.
#[derive(Debug, Serialize)]
pub(crate) struct LimitsReport {
    /// Version of this workspace.
    pub(crate) version: &'static str,
    /// When the first measure started, UTC.
    pub(crate) started_at: String,
    /// Where the servers came from.
    pub(crate) stack: String,
    /// Name and version of the store.
    pub(crate) store: String,
    /// Operating system and processor.
    pub(crate) platform: String,
    /// The number of processor cores that this program may use.
    pub(crate) cores: usize,
    /// Virtual users of the generator.
    pub(crate) vus: u32,
    /// The planned length of each measure.
    pub(crate) duration_seconds: f64,
    /// The planned number of rounds.
    pub(crate) rounds: u32,
    /// Whether all were taken; false after Ctrl-C.
    pub(crate) is_complete: bool,
    /// The measures that were taken, in order.
    pub(crate) measures: Vec<MeasureReport>,
}

/// One measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MeasureReport {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Posts, records or documents per second.
    pub(crate) rate_per_second: Spread,
    /// CPU time for each of them.
    pub(crate) cpu_microseconds: Vec<Cpu>,
    /// The rate as a share of each of its limits, in the same round.
    pub(crate) shares: Vec<LimitShare>,
    /// The rounds, in order.
    pub(crate) samples: Vec<SampleReport>,
}

/// The median of several values, the lowest and the highest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// CPU time of one process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Cpu {
    /// `lab` is the generator or the client.
    pub(crate) process: &'static str,
    #[serde(flatten)]
    pub(crate) spread: Spread,
}

/// A share of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct LimitShare {
    /// Name of the measure that is the limit.
    pub(crate) of: &'static str,
    #[serde(flatten)]
    pub(crate) spread: Spread,
}

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct SampleReport {
    pub(crate) posts: u64,
    pub(crate) seconds: f64,
}

/// The measures that have samples.
pub(crate) fn summarize(samples: &Samples) -> Vec<MeasureReport> {
    samples.iter().filter_map(|(measure, of_it)| summary(*measure, of_it, samples)).collect()
}

fn summary(measure: LimitsMeasure, of_it: &[LimitsSample], samples: &Samples) -> Option<MeasureReport> {
    let cpu = |process: &&'static str| {
        let spread = Spread::of(of_it.iter().filter_map(|sample| sample.cpu_microseconds(process)))?;
        Some(Cpu { process, spread })
    };
    let share = |limit: &LimitsMeasure| {
        // Values of the same round, which share the machine's state; the last round may be incomplete.
        let pairs = of_it.iter().zip(samples.get(limit)?).filter(|(_, limit)| limit.rate() > 0.0);
        Some(LimitShare {
            of: limit.name(),
            spread: Spread::of(pairs.map(|(sample, limit)| sample.rate() / limit.rate()))?,
        })
    };
    let of_round = |sample: &LimitsSample| SampleReport { posts: sample.posts, seconds: sample.elapsed.as_secs_f64() };
    Some(MeasureReport {
        name: measure.name(),
        what: measure.what(),
        rate_per_second: Spread::of(of_it.iter().map(LimitsSample::rate))?,
        cpu_microseconds: PROCESSES.iter().filter_map(cpu).collect(),
        shares: measure.limits().iter().filter_map(share).collect(),
        samples: of_it.iter().map(of_round).collect(),
    })
}

impl Spread {
    /// The spread of these values; `None` without any.
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.collect();
        let median = median(values.iter().copied())?;
        let (min, max) = (values.iter().copied().reduce(f64::min)?, values.iter().copied().reduce(f64::max)?);
        Some(Self { median, min, max })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::schema;

    fn sample(posts: u64, cpu: &[(&'static str, u64)]) -> LimitsSample {
        let cpu = cpu.iter().map(|(name, milliseconds)| (*name, Duration::from_millis(*milliseconds))).collect();
        LimitsSample { posts, elapsed: Duration::from_secs(2), cpu }
    }

    pub(crate) fn example() -> LimitsReport {
        let mut samples = Samples::default();
        samples
            .insert(LimitsMeasure::Insert, vec![sample(80_000, &[("store", 800)]), sample(40_000, &[("store", 800)])]);
        samples.insert(LimitsMeasure::Consumer, vec![sample(40_000, &[("consumer", 400), ("store", 800)])]);
        LimitsReport {
            version: "0.1.0",
            started_at: "2026-01-02T03:04:05Z".to_owned(),
            stack: "Kafka is a native Apache Kafka".to_owned(),
            store: "FerretDB".to_owned(),
            platform: "linux x86_64".to_owned(),
            cores: 2,
            vus: 64,
            duration_seconds: 2.0,
            rounds: 2,
            is_complete: false,
            measures: summarize(&samples),
        }
    }

    #[test]
    fn shares_are_of_the_same_round() {
        let [insert, consumer] = &example().measures[..] else { panic!("two were measured") };
        assert_eq!(insert.rate_per_second, Spread { median: 30_000.0, min: 20_000.0, max: 40_000.0 });
        assert_eq!(insert.shares, []);
        let half = Spread { median: 0.5, min: 0.5, max: 0.5 };
        assert_eq!(consumer.shares, [LimitShare { of: "insert", spread: half }]);
        let cpu: Vec<(&str, f64)> =
            consumer.cpu_microseconds.iter().map(|cpu| (cpu.process, cpu.spread.median)).collect();
        assert_eq!(cpu, [("consumer", 10.0), ("store", 20.0)]);
    }

    #[test]
    fn the_report_is_as_its_schema_says() {
        let report = serde_json::to_value(example()).unwrap();
        assert_eq!(schema::faults_by(include_str!("../../limits.schema.json"), &report), [""; 0]);
    }
}
