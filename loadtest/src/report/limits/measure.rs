//! What is measured, and what each measure is a share of.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use crate::base::text::per_second;
use crate::pipeline::services::{BARE, CONSUMER, PRODUCER};

/// The names of the measured processes, except the services.
pub(crate) const LAB: &str = "lab";
pub(crate) const BROKER: &str = "broker";
pub(crate) const STORE: &str = "store";
/// All of them, in the order of the report.
pub(crate) const PROCESSES: [&str; 6] = [LAB, BARE, PRODUCER, CONSUMER, BROKER, STORE];

/// A measure, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LimitsMeasure {
    Http,
    Produce,
    ProduceLarge,
    Insert,
    Producer,
    Fetch,
    Consumer,
    Pipeline,
    ProduceOrdered,
    Update,
    OrderConsumer,
}

impl LimitsMeasure {
    const ALL: [LimitsMeasure; 11] = [
        LimitsMeasure::Http,
        LimitsMeasure::Produce,
        LimitsMeasure::ProduceLarge,
        LimitsMeasure::Insert,
        LimitsMeasure::Producer,
        LimitsMeasure::Fetch,
        LimitsMeasure::Consumer,
        LimitsMeasure::Pipeline,
        LimitsMeasure::ProduceOrdered,
        LimitsMeasure::Update,
        LimitsMeasure::OrderConsumer,
    ];

    /// Whether it is taken if `only` these are requested; none means all. The measures of posts that read a backlog
    /// need the producer's, which leaves it; that of orders needs the ordered publisher's.
    pub(crate) fn is_taken(self, only: &[LimitsMeasure]) -> bool {
        let needed_by: &[LimitsMeasure] = match self {
            LimitsMeasure::Producer => &[LimitsMeasure::Fetch, LimitsMeasure::Consumer],
            LimitsMeasure::ProduceOrdered => &[LimitsMeasure::OrderConsumer],
            _ => &[],
        };
        only.is_empty() || only.contains(&self) || needed_by.iter().any(|measure| only.contains(measure))
    }

    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            LimitsMeasure::Http => "http",
            LimitsMeasure::Produce => "produce",
            LimitsMeasure::ProduceLarge => "produce_large",
            LimitsMeasure::Insert => "insert",
            LimitsMeasure::Producer => "producer",
            LimitsMeasure::Fetch => "fetch",
            LimitsMeasure::Consumer => "consumer",
            LimitsMeasure::Pipeline => "pipeline",
            LimitsMeasure::ProduceOrdered => "produce_ordered",
            LimitsMeasure::Update => "update",
            LimitsMeasure::OrderConsumer => "order_consumer",
        }
    }

    /// What it measures, in a few words.
    pub(crate) fn what(self) -> &'static str {
        match self {
            LimitsMeasure::Http => "a bare HTTP server answers the generator",
            LimitsMeasure::Produce => "the broker takes batches of the producer's size",
            LimitsMeasure::ProduceLarge => "the broker takes large batches",
            LimitsMeasure::Insert => "the store takes batches of the consumer's size",
            LimitsMeasure::Producer => "posts acknowledged, without a consumer",
            LimitsMeasure::Fetch => "a client fetches the records of this backlog",
            LimitsMeasure::Consumer => "posts stored from a backlog",
            LimitsMeasure::Pipeline => "posts from the request to the store",
            LimitsMeasure::ProduceOrdered => "the broker takes orders in order, each once",
            LimitsMeasure::Update => "the store replaces orders in batches of the consumer's size",
            LimitsMeasure::OrderConsumer => "orders stored from the backlog of produce_ordered",
        }
    }

    /// The measures that are limits for this one: what it does besides other work.
    pub(crate) fn limits(self) -> &'static [LimitsMeasure] {
        match self {
            LimitsMeasure::Http
            | LimitsMeasure::Produce
            | LimitsMeasure::ProduceLarge
            | LimitsMeasure::Insert
            | LimitsMeasure::Fetch
            | LimitsMeasure::ProduceOrdered
            | LimitsMeasure::Update => &[],
            LimitsMeasure::Producer => &[LimitsMeasure::Http, LimitsMeasure::Produce],
            LimitsMeasure::Consumer => &[LimitsMeasure::Insert, LimitsMeasure::Fetch],
            LimitsMeasure::Pipeline => {
                &[LimitsMeasure::Http, LimitsMeasure::Produce, LimitsMeasure::Insert, LimitsMeasure::Fetch]
            }
            LimitsMeasure::OrderConsumer => &[LimitsMeasure::Update],
        }
    }
}

impl FromStr for LimitsMeasure {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|measure| measure.name() == name).ok_or_else(|| format!("must be of {}", names()))
    }
}

/// The samples of each measure, round by round.
pub(crate) type Samples = BTreeMap<LimitsMeasure, Vec<LimitsSample>>;

/// The result of a measure in one round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LimitsSample {
    /// Posts, orders, records or documents.
    pub(crate) posts: u64,
    /// How long all of them took.
    pub(crate) elapsed: Duration,
    /// CPU time that they took, by process; unknown ones are left out.
    pub(crate) cpu: Vec<(&'static str, Duration)>,
}

impl LimitsSample {
    /// Posts per second.
    pub(crate) fn rate(&self) -> f64 {
        per_second(self.posts, self.elapsed)
    }

    /// CPU time of a process for each post, in microseconds; `None` if it is not known.
    pub(crate) fn cpu_microseconds(&self, process: &str) -> Option<f64> {
        let (_, used) = self.cpu.iter().find(|(name, _)| *name == process)?;
        (self.posts > 0).then(|| used.as_secs_f64() * 1e6 / self.posts as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_taken_when_it_is_asked_for_or_needed() {
        let taken = |only: &[&str]| {
            let only: Vec<LimitsMeasure> = only.iter().map(|name| name.parse().unwrap()).collect();
            LimitsMeasure::ALL
                .into_iter()
                .filter(|measure| measure.is_taken(&only))
                .map(LimitsMeasure::name)
                .collect::<Vec<_>>()
        };
        assert_eq!(taken(&[]).len(), LimitsMeasure::ALL.len());
        assert_eq!(taken(&["produce_large", "insert"]), ["produce_large", "insert"]);
        assert_eq!(taken(&["consumer"]), ["producer", "consumer"]);
        assert_eq!(taken(&["fetch"]), ["producer", "fetch"]);
        assert_eq!(taken(&["update", "order_consumer"]), ["produce_ordered", "update", "order_consumer"]);
        assert!("inserts".parse::<LimitsMeasure>().unwrap_err().contains("insert, producer"));
    }
}
