//! What is measured, and what each measure is a share of.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::text::per_second;

/// A measure, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Measure {
    Http,
    Produce,
    ProduceLarge,
    Insert,
    Producer,
    Consumer,
    Pipeline,
}

impl Measure {
    /// Its name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Measure::Http => "http",
            Measure::Produce => "produce",
            Measure::ProduceLarge => "produce_large",
            Measure::Insert => "insert",
            Measure::Producer => "producer",
            Measure::Consumer => "consumer",
            Measure::Pipeline => "pipeline",
        }
    }

    /// What it measures, in a few words.
    pub(super) fn what(self) -> &'static str {
        match self {
            Measure::Http => "a bare HTTP server answers the generator",
            Measure::Produce => "the broker takes batches of the producer's size",
            Measure::ProduceLarge => "the broker takes large batches",
            Measure::Insert => "the store takes batches of the consumer's size",
            Measure::Producer => "posts acknowledged, without a consumer",
            Measure::Consumer => "posts stored out of a backlog",
            Measure::Pipeline => "posts from the request to the store",
        }
    }

    /// The measures that are limits for this one: what it does besides other work.
    pub(super) fn limits(self) -> &'static [Measure] {
        match self {
            Measure::Http | Measure::Produce | Measure::ProduceLarge | Measure::Insert => &[],
            Measure::Producer => &[Measure::Http, Measure::Produce],
            Measure::Consumer => &[Measure::Insert],
            Measure::Pipeline => &[Measure::Http, Measure::Produce, Measure::Insert],
        }
    }
}

/// The samples of each measure, round by round.
pub(super) type Samples = BTreeMap<Measure, Vec<Sample>>;

/// What a measure gave in one round.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    /// Posts, records or documents.
    pub(super) posts: u64,
    /// How long they took altogether.
    pub(super) elapsed: Duration,
    /// CPU time that they took, by process; those that are not known are left out.
    pub(super) cpu: Vec<(&'static str, Duration)>,
}

impl Sample {
    /// Posts per second.
    pub(super) fn rate(&self) -> f64 {
        per_second(self.posts, self.elapsed)
    }

    /// CPU time of a process for each post, in microseconds; `None` if it is not known.
    pub(super) fn cpu_microseconds(&self, process: &str) -> Option<f64> {
        let (_, used) = self.cpu.iter().find(|(name, _)| *name == process)?;
        (self.posts > 0).then(|| used.as_secs_f64() * 1e6 / self.posts as f64)
    }
}
