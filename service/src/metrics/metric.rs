//! How a metric is declared: as a constant beside the code that feeds it, and so as a row of the generated reference.

/// Upper bounds, in seconds, for a client's waits: from a fifth of a millisecond to ten seconds.
pub const LATENCY_BUCKETS: &[f64] = &[
    0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0,
];

/// A metric, with all that Prometheus and the reference say about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name, including the unit.
    pub name: &'static str,
    /// Its type in Prometheus.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it measures.
    pub help: &'static str,
}

/// A metric's type in Prometheus.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts values within each of these upper bounds, in ascending order.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Its name in Prometheus' text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

impl Metric {
    /// A counter without labels.
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels: &[], help }
    }

    /// A gauge without labels.
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels: &[], help }
    }

    /// A histogram without labels.
    pub const fn histogram(name: &'static str, help: &'static str, buckets: &'static [f64]) -> Self {
        Self { name, kind: Kind::Histogram(buckets), labels: &[], help }
    }

    /// The same metric with these labels.
    pub const fn labelled(self, labels: &'static [&'static str]) -> Self {
        Self { labels, ..self }
    }
}
