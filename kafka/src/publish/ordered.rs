//! Publishes the records of a kind whose order counts, with librdkafka's idempotent producer: the records of a key keep
//! the order in which they were handed on, in one partition, and a retry neither repeats nor overtakes one.
//!
//! How a record travels: it is admitted, its partition follows from its key by the same rule as everywhere, and the
//! [`client`] hands it to librdkafka, which batches it, sends it, and sends it again for as long as its request waits.
//! Then its thread calls back ([`deliveries`]), and that answers the request. The [`super::watch`] creates the topic
//! and says whether Kafka answers ([`openings`]).
//!
//! A record that was not acknowledged in time is unknown. It may still be sent, but never after a later record of its
//! key that was acknowledged: librdkafka then continues with a higher epoch of its producer id, and the broker drops
//! what comes late under a lower one. Two cases are outside of that promise. A record may be in the topic twice, both
//! before the next one that its writer sends, after another record's time was over. And what a client that has ended
//! left unknown may come late: with its process, after an error that librdkafka cannot recover from, or when another
//! client has followed while a record was on its way, which that one then sends once more: because a file of the
//! cluster's security has changed ([`renewal`]), or the topic takes only smaller batches ([`batch_bytes`]).

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use service::rate::Held;
use service::secrets::Version;
use service::{Instruments, Readiness, Tracer};
use tokio::sync::oneshot;

use super::admission::Admission;
use super::bulk::{Fate, settle};
use super::bulk_wait::BulkWait;
use super::config::PublishConfig;
use super::error::PublishError;
use super::metrics::Partitions;
use super::record::Record;
use super::spans;
use super::submission::WaitingRequest;
use super::watch::{EndOffsets, Watch, end_offsets};
use crate::security::Connector;

mod availability;
mod batch_bytes;
mod client;
mod client_config;
mod client_health;
mod deliveries;
mod failures;
mod handed;
mod openings;
mod partitioner;
mod remainder;
mod renewal;

use availability::Availability;
use client::OrderedClient;
use deliveries::Deliveries;
use openings::Openings;
pub use partitioner::partition_of;

/// The readiness condition of an ordered publisher's own client, which may fail while Kafka answers.
pub const CLIENT_CONDITION: &str = "kafka_client";

/// Failures that come together are reported together.
const REPORT_PAUSE: Duration = Duration::from_millis(200);

/// How many files an ordered publisher has open for this many partitions: the watch's connections, two for metadata,
/// and for each of a few brokers librdkafka's connection and two pipes.
pub fn ordered_files(partitions: i32) -> usize {
    const BROKERS: usize = 8;
    usize::try_from(partitions).unwrap_or_default() + 2 + 3 * BROKERS
}

/// The entrance to Kafka for records whose order counts, shared by all requests.
pub struct OrderedPublisher {
    config: PublishConfig,
    timeout: Duration,
    admission: Admission,
    availability: Arc<Availability>,
    deliveries: Arc<Deliveries>,
    client: OrderedClient,
    /// What the files of the cluster's security held before the client was made.
    version: Version,
    readiness: Readiness,
    partitions: Partitions,
    tracer: Option<Tracer>,
    end_offsets: EndOffsets,
}

impl OrderedPublisher {
    /// An entrance that is closed until [`Self::run`] has reached Kafka.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(config: &PublishConfig, instruments: Instruments) -> anyhow::Result<Self> {
        let Instruments { registry, readiness, tracer } = instruments;
        let deliveries = Arc::new(Deliveries::new(config, &registry));
        Ok(Self {
            version: config.cluster.security.files().version(),
            config: config.clone(),
            timeout: config.longest_wait(),
            admission: Admission::new(config, &registry),
            availability: Arc::default(),
            client: OrderedClient::new(config, Arc::clone(&deliveries), &registry)?,
            deliveries,
            readiness,
            partitions: Partitions::new(&registry, config.kind),
            tracer,
            end_offsets: end_offsets(&config.topic, &registry),
        })
    }

    /// Returns once Kafka has acknowledged the record, with its partition and its offset. Records of a key keep the
    /// order in which their first polls came. `client_key` counts for nothing: the last record of a key wins.
    ///
    /// # Errors
    /// Why there is no acknowledgement.
    pub fn publish(&self, record: Record) -> impl Future<Output = Result<(i32, i64), PublishError>> + Send {
        self.publish_of(record, None)
    }

    /// The same for a caller who holds this much of what is in flight: it gets no more than its share.
    ///
    /// # Errors
    /// Why there is no acknowledgement.
    pub async fn publish_of(&self, record: Record, held: Option<&Arc<Held>>) -> Result<(i32, i64), PublishError> {
        let partition = self.partition_of(&record).ok_or(PublishError::Away)?;
        if !self.availability.is_available(partition) {
            return Err(PublishError::Away);
        }
        let admission = self.admission.admit(record.encoded_bytes(), held)?;
        let span = self.tracer.as_ref().and_then(|tracer| {
            let number = i32::try_from(partition).ok();
            spans::send(tracer, &self.config.topic, number, 1, record.trace.into_iter())
        });
        let (stored, place) = oneshot::channel();
        let request = WaitingRequest::Single { stored, _admission: admission };
        let deadline = Instant::now() + self.timeout;
        self.client.send(partition, &record, request)?;
        drop(record);
        let (error, why) = match tokio::time::timeout_at(deadline.into(), place).await {
            Ok(Ok(Ok(place))) => return Ok(place),
            Ok(Ok(Err(refused))) => (refused, "Kafka refuses its batch because of the size"),
            Ok(Err(_)) | Err(_) => (PublishError::Unacknowledged, "no acknowledgement within PRODUCER_TIMEOUT"),
        };
        if let Some(mut span) = span {
            span.fail("unacknowledged", why);
        }
        Err(error)
    }

    /// The fate of each record, in order, if at least one was acknowledged. They are admitted as room appears. If one
    /// cannot be handed on, no later one is.
    ///
    /// # Errors
    /// Why none was acknowledged.
    pub fn publish_bulk(&self, records: Vec<Record>) -> impl Future<Output = Result<Vec<Fate>, PublishError>> + Send {
        self.publish_bulk_of(records, None)
    }

    /// The same for a caller who holds this much of what is in flight: it gets no more than its share.
    ///
    /// # Errors
    /// Why none was acknowledged.
    pub async fn publish_bulk_of(
        &self,
        records: Vec<Record>,
        held: Option<&Arc<Held>>,
    ) -> Result<Vec<Fate>, PublishError> {
        // Read once: a partition that comes back in between would let a record pass the previous one of its key.
        let available = self.availability.all();
        if !available.contains(&true) {
            return Err(PublishError::Away);
        }
        let span = self.tracer.as_ref().and_then(|tracer| {
            let traces = records.iter().filter_map(|record| record.trace);
            spans::send(tracer, &self.config.topic, None, records.len(), traces)
        });
        let deadline = Instant::now() + self.timeout;
        let bulk = BulkWait::new(records.len());
        let (mut fates, mut refused) = (Vec::with_capacity(records.len()), None);
        for (index, record) in records.into_iter().enumerate() {
            let partition = partition_of(&record.key, available.len());
            if refused.is_none() && available[partition] {
                let in_flight = || bulk.in_flight();
                let admitted = self.admission.admit_of_bulk(record.encoded_bytes(), in_flight, deadline, held).await;
                let sent = admitted.and_then(|admitted| {
                    self.client.send(partition, &record, WaitingRequest::Bulk(bulk.slot(index, admitted)))
                });
                refused = sent.err();
                fates.push(if refused.is_none() { Fate::Unknown } else { Fate::Away });
            } else {
                fates.push(Fate::Away);
            }
        }
        let settled = match (settle(fates, &bulk, deadline).await, refused) {
            // Nothing was handed on: why not, says the first record that was refused.
            (Err(PublishError::Away), Some(refused)) => Err(refused),
            (settled, _) => settled,
        };
        if let (Some(mut span), Err(PublishError::Unacknowledged)) = (span, &settled) {
            span.fail("unacknowledged", "no acknowledgement within PRODUCER_TIMEOUT");
        }
        settled
    }

    fn partition_of(&self, record: &Record) -> Option<usize> {
        let partitions = self.availability.partitions();
        (partitions > 0).then(|| partition_of(&record.key, partitions))
    }

    /// The topic that it publishes to.
    pub fn topic(&self) -> &str {
        &self.config.topic
    }

    /// Records awaiting acknowledgement.
    pub fn in_flight(&self) -> usize {
        self.admission.in_flight()
    }

    /// The most records that may await acknowledgement.
    pub fn max_in_flight(&self) -> usize {
        self.admission.max_in_flight()
    }

    /// Returns once every partition takes records at the same time.
    pub(super) async fn open(&self) {
        self.availability.all_open().await;
    }

    /// Whether any partition takes records.
    pub fn is_available(&self) -> bool {
        self.availability.all().contains(&true)
    }

    /// Each partition, and why it takes no records if it does not; empty before the topic is known.
    pub fn partitions(&self) -> Vec<(i32, Option<String>)> {
        let reason = |is_available: bool| (!is_available).then(|| "its leader does not answer".to_owned());
        (0..).zip(self.availability.all()).map(|(partition, is_available)| (partition, reason(is_available))).collect()
    }

    /// The end offset of each partition, kept up to date.
    pub fn end_offsets(&self) -> EndOffsets {
        Arc::clone(&self.end_offsets)
    }

    /// Never returns: connects, creates the topic if it is missing, and watches whether Kafka answers; reports records
    /// that are not acknowledged; and replaces a client that has ended, or whose batches are too large.
    pub async fn run(&self) {
        let openings = Openings {
            availability: Arc::clone(&self.availability),
            deliveries: Arc::clone(&self.deliveries),
            readiness: self.readiness.clone(),
            patience: self.config.timeout,
            outages: Mutex::default(),
            partitions: self.partitions.clone(),
        };
        let end_offsets = Arc::clone(&self.end_offsets);
        let connector = Arc::new(Connector::new(&self.config.cluster.security));
        let watch = Watch { config: self.config.clone(), connector, watcher: openings, end_offsets };
        let client = async { tokio::join!(self.replace(), self.renew(), self.fit()) };
        tokio::join!(Box::pin(watch.run()), self.report(), self.show_rights(), client);
    }

    async fn report(&self) {
        loop {
            self.deliveries.failed.notified().await;
            tokio::time::sleep(REPORT_PAUSE).await;
            self.deliveries.report(&self.config.topic);
        }
    }

    /// Lets no more records through, and waits for the acknowledgements of those in flight, no longer than their
    /// requests do. Call it when [`Self::run`] is no longer polled.
    pub async fn close(&self) {
        self.availability.set_away();
        self.client.close().await;
        self.deliveries.report(&self.config.topic);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use service::Registry;
    use service::cluster::Cluster;

    use super::*;
    use crate::publish::metrics::METRICS;
    use crate::publish::{Compression, Key};

    fn record() -> Record {
        let key = Key::from_slice(b"key");
        Record { key, value: b"1".to_vec(), is_json: true, timestamp_ms: 1, trace: None, client_key: None }
    }

    #[tokio::test]
    async fn a_bulk_that_finds_librdkafkas_queue_full_says_so() {
        let config = PublishConfig {
            kind: "record",
            cluster: Cluster::plaintext("127.0.0.1:1"),
            topic: "records".to_owned(),
            partitions: 1,
            replication: 1,
            linger: Duration::ZERO,
            linger_adaptive: true,
            batch_bytes: 1_000_000,
            compression: Compression::NoCompression,
            max_in_flight: 1,
            timeout: Duration::from_secs(60),
            idempotency_keys: 0,
        };
        let registry = Registry::new(&[METRICS]);
        let instruments = Instruments { registry, readiness: Readiness::new(&[CLIENT_CONDITION]), tracer: None };
        let mut publisher = OrderedPublisher::new(&config, instruments).unwrap();
        publisher.availability.open(1);
        publisher.availability.set(0, true);
        // librdkafka has room for two: it counts a record for a moment longer than admission does.
        publisher.admission = Admission::of(1_000, 100_000);
        for _ in 0..2 {
            assert!(publisher.publish(record()).now_or_never().is_none());
        }
        assert_eq!(publisher.publish(record()).now_or_never(), Some(Err(PublishError::Full)));
        assert_eq!(publisher.publish_bulk(vec![record()]).await, Err(PublishError::Full));
    }
}
