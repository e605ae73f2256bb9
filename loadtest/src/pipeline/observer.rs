//! What the services report about themselves during a run, on their `/metrics` pages: how far behind the consumer is,
//! how much it has stored, and how much memory and CPU both have used. The store itself is not asked meanwhile,
//! because counting reads the whole collection in some stores.

use std::time::Duration;

use contract::Kind;
use serde::{Deserialize, Serialize};
use service::status::figures::grouped;
use tokio::time::timeout;

use crate::load::target::Target;
use crate::pipeline::scrape::{Bucket, MetricsPage};

/// A page that takes longer is left out; the next one comes a second later.
const PAGE_TIMEOUT: Duration = Duration::from_millis(900);

const ACCEPTED: &str = "ingest_records_accepted_total";

/// Watches the services of a run.
pub(crate) struct Observer {
    kind: Kind,
    producer: Target,
    consumer: Option<Target>,
    accepted: Increase,
    stored: Increase,
    /// The consumer's own histogram of the time from acceptance to storage, as it was last seen.
    pub(crate) accept_to_store: Vec<Bucket>,
    /// What the producer has used so far.
    pub(crate) producer_usage: Usage,
    /// What the consumer has used so far.
    pub(crate) consumer_usage: Usage,
}

/// A moment of a run; `None` where the services report nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Moment {
    /// Records that the consumer group has not finished.
    pub(crate) lag: Option<u64>,
    /// Posts stored since the run began.
    pub(crate) stored: Option<u64>,
    /// What the producer has used.
    pub(crate) producer: Option<Used>,
    /// What the consumer has used.
    pub(crate) consumer: Option<Used>,
}

/// What a service has used, at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Used {
    /// CPU time since the run began, in seconds.
    pub(crate) cpu_seconds: Option<f64>,
    /// Resident memory, in bytes.
    pub(crate) memory_bytes: Option<u64>,
}

/// Memory and CPU of one service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Usage {
    /// Largest resident memory seen, in bytes, looked at once a second.
    pub(crate) peak_memory_bytes: Option<u64>,
    /// CPU time since the run began, in seconds.
    pub(crate) cpu_seconds: Option<f64>,
    #[serde(skip)]
    cpu: Increase,
}

/// The increase of a counter since it was first seen. A value below the previous one comes from a service that was
/// restarted, whose counters start at zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Increase {
    before: Option<f64>,
    sum: f64,
    /// Whether it started at zero again, so that some of it may not have been seen.
    is_cut: bool,
}

impl Increase {
    fn note(&mut self, value: f64) -> f64 {
        self.is_cut |= self.before.is_some_and(|before| value < before);
        self.sum += match self.before {
            None => 0.0,
            Some(before) if value < before => value,
            Some(before) => value - before,
        };
        self.before = Some(value);
        self.sum
    }
}

impl Observer {
    /// Watches these services, for this kind; a pipeline that is not ours may report nothing.
    pub(crate) fn new(kind: Kind, producer: Target, consumer: Option<Target>) -> Self {
        let usage = Usage::default();
        Self {
            kind,
            producer,
            consumer,
            accepted: Increase::default(),
            stored: Increase::default(),
            accept_to_store: Vec::new(),
            producer_usage: usage,
            consumer_usage: usage,
        }
    }

    /// Looks at both pages. Later looks are compared with the first one.
    pub(crate) async fn look(&mut self) -> Moment {
        let consumer_page = async {
            match &self.consumer {
                Some(consumer) => page(consumer, self.kind).await,
                None => None,
            }
        };
        let (producer, consumer) = tokio::join!(page(&self.producer, self.kind), consumer_page);
        if let Some(accepted) = producer.as_ref().and_then(|metrics| metrics.sum(ACCEPTED)) {
            self.accepted.note(accepted);
        }
        let producer = producer.map(|metrics| self.producer_usage.note(&metrics));
        let Some(metrics) = consumer else {
            return Moment { producer, ..Moment::default() };
        };
        let stored = self.stored.note(metrics.sum("ingest_records_stored_total").unwrap_or(0.0));
        let lag = metrics.sum("kafka_consumergroup_lag").map(|lag| lag as u64);
        let buckets = metrics.buckets("ingest_accept_to_store_seconds");
        if !buckets.is_empty() {
            self.accept_to_store = buckets;
        }
        Moment { lag, stored: Some(stored as u64), producer, consumer: Some(self.consumer_usage.note(&metrics)) }
    }

    /// Whether the producer has counted fewer posts than it has accepted since the first look, in a sentence. It may
    /// have accepted more, from others. A producer that was restarted, or several behind one address, cannot be judged.
    pub(crate) fn undercounted(&self, accepted: u64) -> Option<String> {
        let Increase { before, sum, is_cut } = self.accepted;
        let counted = sum.round() as u64;
        (before.is_some() && !is_cut && counted < accepted).then(|| {
            let (counted, accepted) = (grouped(counted), grouped(accepted));
            format!("the target counted {counted} in {ACCEPTED}, but 2xx was the answer to {accepted}")
        })
    }
}

impl Usage {
    fn note(&mut self, metrics: &MetricsPage) -> Used {
        let memory = metrics.sum("process_resident_memory_bytes").map(|bytes| bytes as u64);
        self.peak_memory_bytes = self.peak_memory_bytes.max(memory);
        if let Some(cpu) = metrics.sum("process_cpu_seconds_total") {
            self.cpu_seconds = Some(self.cpu.note(cpu));
        }
        Used { cpu_seconds: self.cpu_seconds, memory_bytes: memory }
    }

    /// What was used so far: CPU, and the peak of memory.
    pub(crate) fn used(&self) -> Used {
        Used { cpu_seconds: self.cpu_seconds, memory_bytes: self.peak_memory_bytes }
    }

    /// What was used in total, as several shares have seen it.
    pub(crate) fn of(used: Used) -> Self {
        Self { peak_memory_bytes: used.memory_bytes, cpu_seconds: used.cpu_seconds, ..Self::default() }
    }

    /// CPU time per post, for this many posts, in microseconds.
    pub(crate) fn cpu_microseconds_per_post(&self, posts: u64) -> Option<f64> {
        self.cpu_seconds.filter(|_| posts > 0).map(|seconds| seconds * 1e6 / posts as f64)
    }
}

async fn page(service: &Target, kind: Kind) -> Option<MetricsPage> {
    timeout(PAGE_TIMEOUT, MetricsPage::get(service, kind)).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_starts_at_zero_again_keeps_increasing() {
        let mut increase = Increase::default();
        assert_eq!([7.0, 9.0, 9.0, 1.0, 3.0].map(|value| increase.note(value)), [0.0, 2.0, 2.0, 3.0, 5.0]);
    }
}
