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

/// A page during the load that takes longer is left out; the next one comes a second later.
const PAGE_TIMEOUT: Duration = Duration::from_millis(900);

const ACCEPTED: &str = "ingest_records_accepted_total";

/// Watches the services of a run.
pub(crate) struct Observer {
    kind: Kind,
    producer: Target,
    consumer: Option<Target>,
    accepted: Increase,
    stored: Increase,
    /// Whether what the producer has accepted was seen before the load, and after it.
    framed: [bool; 2],
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
            framed: [false; 2],
            accept_to_store: Vec::new(),
            producer_usage: usage,
            consumer_usage: usage,
        }
    }

    /// Looks at both pages before the load. What is counted later is compared with this look.
    pub(crate) async fn begin(&mut self) {
        self.framed[0] = self.look_with(patient_page).await.1;
    }

    /// Looks at both pages after the load.
    pub(crate) async fn end(&mut self) -> Moment {
        let (moment, is_seen) = self.look_with(patient_page).await;
        self.framed[1] = is_seen;
        moment
    }

    /// Looks at both pages during the load.
    pub(crate) async fn look(&mut self) -> Moment {
        self.look_with(page).await.0
    }

    /// The moment, and whether it shows what the producer has accepted.
    async fn look_with(&mut self, page: impl AsyncFn(&Target, Kind) -> Option<MetricsPage>) -> (Moment, bool) {
        let consumer_page = async { page(self.consumer.as_ref()?, self.kind).await };
        let (producer, consumer) = tokio::join!(page(&self.producer, self.kind), consumer_page);
        let is_seen = producer.as_ref().is_some_and(|metrics| metrics.sum(ACCEPTED).is_some());
        (self.note(producer, consumer), is_seen)
    }

    fn note(&mut self, producer: Option<MetricsPage>, consumer: Option<MetricsPage>) -> Moment {
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
    /// have accepted more, from others. A producer that was restarted, or several behind one address, cannot be judged,
    /// nor one whose count was missing before the load or after it.
    pub(crate) fn undercounted(&self, accepted: u64) -> Option<String> {
        let Increase { sum, is_cut, .. } = self.accepted;
        let counted = sum.round() as u64;
        (self.framed == [true; 2] && !is_cut && counted < accepted).then(|| {
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

/// The looks before the load and after it decide what was counted: each may take as long as any request, and is
/// repeated once.
async fn patient_page(service: &Target, kind: Kind) -> Option<MetricsPage> {
    match MetricsPage::get(service, kind).await {
        Ok(page) => Some(page),
        Err(_) => MetricsPage::get(service, kind).await.ok(),
    }
}

async fn page(service: &Target, kind: Kind) -> Option<MetricsPage> {
    timeout(PAGE_TIMEOUT, MetricsPage::get(service, kind)).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What a producer has counted when it is asked for its page, and how long it takes; `None` cuts the connection.
    type Page = Option<(u64, Duration)>;

    const AT_ONCE: Duration = Duration::ZERO;
    const LATE: Duration = Duration::from_millis(1_200);

    /// A producer with these pages, in this order.
    async fn producer(pages: impl IntoIterator<Item = Page, IntoIter: Send + 'static>) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::local(listener.local_addr().unwrap().port());
        let pages = pages.into_iter();
        tokio::spawn(async move {
            for page in pages {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some((count, takes)) = page else { continue };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap() > 0 {}
                tokio::time::sleep(takes).await;
                let body = format!("{ACCEPTED}{{kind=\"post\"}} {count}\n");
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.ok();
            }
        });
        target
    }

    /// Whether 7 accepted posts are more than a producer with these pages has counted.
    async fn is_undercounted<const PAGES: usize>(pages: [Page; PAGES]) -> bool {
        let mut observer = Observer::new(Kind::Post, producer(pages).await, None);
        observer.begin().await;
        observer.look().await;
        observer.end().await;
        observer.undercounted(7).is_some()
    }

    #[tokio::test]
    async fn a_late_page_before_the_load_or_after_it_is_awaited() {
        let (first, during) = (Some((10, AT_ONCE)), Some((15, AT_ONCE)));
        let (late, last) = (Some((10, LATE)), Some((17, AT_ONCE)));
        let (fewer, late_last) = (Some((16, AT_ONCE)), Some((17, LATE)));
        let judged = tokio::join!(
            is_undercounted([late, during, last]),
            is_undercounted([late, during, fewer]),
            is_undercounted([first, during, late_last]),
            is_undercounted([None, first, during, None, fewer]),
        );
        assert_eq!(judged, (false, true, false, true));
    }

    #[tokio::test]
    async fn without_a_page_before_the_load_and_after_it_nothing_is_judged() {
        let page = Some((10, AT_ONCE));
        assert!(is_undercounted([page, page, page]).await);
        assert!(!is_undercounted([None, None, page, page]).await);
        assert!(!is_undercounted([page, page, None, None]).await);
    }

    #[test]
    fn a_counter_that_starts_at_zero_again_keeps_increasing() {
        let mut increase = Increase::default();
        assert_eq!([7.0, 9.0, 9.0, 1.0, 3.0].map(|value| increase.note(value)), [0.0, 2.0, 2.0, 3.0, 5.0]);
    }
}
