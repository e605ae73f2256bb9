//! The producer's settings.

use contract::{Kind, Write};
use kafka::publish::{Compression, PublishConfig};
use service::cluster::Cluster;
use service::http::RequestLimits;
use service::{AccessConfig, Kinds, ServiceConfig, Settings};

/// The default of `PRODUCER_BATCH_BYTES`, which is a little less than what a topic takes by default.
const BATCH_BYTES: usize = 1_000_000;

/// What a record may have in its batch besides its value.
const RECORD_FRAME_BYTES: usize = 4_096;

/// The producer's settings.
#[derive(Debug, Clone)]
pub struct ProducerConfig {
    /// Address, logs, grace period.
    pub service: ServiceConfig,
    /// `KINDS`: the kinds of record that are served.
    pub kinds: Vec<Kind>,
    /// Where Kafka is, how the topic is created, and how posts are published to it.
    pub kafka: PublishConfig,
    /// The same for orders. All but the topic is as for posts.
    pub orders: PublishConfig,
    /// The same for each kind of `KINDS_DIR`, whether it is served or not.
    pub of_files: Vec<(Kind, PublishConfig)>,
    /// What bounds requests.
    pub requests: RequestLimits,
    /// Who may send them.
    pub access: AccessConfig,
}

impl ProducerConfig {
    /// Reads every setting; `settings` collects the errors.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let service = ServiceConfig::read(settings, 3000);
        let cluster = Cluster::read(settings);
        let kinds = Kinds::read(settings);
        let kafka = PublishConfig {
            kind: Kind::Post.name(),
            cluster,
            topic: kafka::settings::topic(settings),
            partitions: settings.in_kafka("partitions").number(
                "KAFKA_PARTITIONS",
                1,
                1..=1000,
                "partitions of a topic that the producer creates",
            ),
            replication: settings.in_kafka("replication factor").number(
                "KAFKA_REPLICATION",
                1,
                1..=9,
                "replicas of a topic that the producer creates",
            ),
            linger: settings.in_kafka("`linger.ms`").duration_or_zero(
                "PRODUCER_LINGER",
                "2ms",
                "longest wait of a batch's first record for company",
            ),
            linger_adaptive: settings.choice(
                "PRODUCER_LINGER_ADAPTIVE",
                "true",
                &[("true", true), ("false", false)],
                "whether a batch is sent at once while few are on their way; kinds whose order counts always linger",
            ),
            batch_bytes: settings.in_kafka("`batch.size`").number(
                "PRODUCER_BATCH_BYTES",
                BATCH_BYTES,
                1..=100_000_000,
                "upper bound of a batch, in bytes; sizes that would stall are sent smaller",
            ),
            compression: settings.in_kafka("`compression.type`").choice(
                "PRODUCER_COMPRESSION",
                "none",
                &[
                    ("none", Compression::NoCompression),
                    ("gzip", Compression::Gzip),
                    ("lz4", Compression::Lz4),
                    ("snappy", Compression::Snappy),
                    ("zstd", Compression::Zstd),
                ],
                "codec of the batches: none, gzip, lz4, snappy, zstd",
            ),
            max_in_flight: settings.in_kafka("`buffer.memory`, in records").number(
                "PRODUCER_MAX_IN_FLIGHT",
                10_000,
                1..=1_000_000,
                "records of each kind awaiting acknowledgement; beyond it 503",
            ),
            timeout: settings.in_kafka("`delivery.timeout.ms`").duration(
                "PRODUCER_TIMEOUT",
                "5s",
                "longest wait for an acknowledgement, then 503",
            ),
            idempotency_keys: settings.number(
                "PRODUCER_IDEMPOTENCY_KEYS",
                100_000,
                0..=10_000_000,
                "latest Idempotency-Keys that are remembered, each post of a bulk as one; with another post 422; \
                 0 remembers none",
            ),
        };
        // The id of an order is its key, so no other key is remembered.
        let topic = kafka::settings::order_topic(settings);
        let orders = PublishConfig { kind: Kind::Order.name(), topic, idempotency_keys: 0, ..kafka.clone() };
        let of_file = |kind: Kind| {
            let topic = kafka::settings::topic_of_file(settings, kind);
            let idempotency_keys = if kind.write() == Write::Insert { kafka.idempotency_keys } else { 0 };
            (kind, PublishConfig { kind: kind.name(), topic, idempotency_keys, ..kafka.clone() })
        };
        let of_files = kinds.of_files().map(of_file).collect();
        let (requests, access) = (RequestLimits::read(settings), AccessConfig::read(settings));
        let mut config = Self { service, kinds: kinds.served, kafka, orders, of_files, requests, access };
        if config.kafka.linger >= config.kafka.timeout {
            // Every post would be answered 503 before it is sent.
            settings.error("PRODUCER_LINGER", "must be shorter than PRODUCER_TIMEOUT");
        }
        let (grace, timeout) = (config.service.stop_grace, config.kafka.timeout);
        config.requests.check_grace(settings, grace, "PRODUCER_TIMEOUT", timeout);
        config.check_topics(settings);
        config.check_record_bytes(settings);
        config.service.in_force = settings.in_force();
        config
    }

    /// How the records of this kind are published, whether it is served or not.
    pub fn publish(&self, kind: Kind) -> &PublishConfig {
        match kind {
            Kind::Post => &self.kafka,
            Kind::Order => &self.orders,
            Kind::Schema(_) => {
                let own = self.of_files.iter().find(|(of, _)| *of == kind);
                own.map(|(_, publish)| publish).expect("every kind of a file has its settings")
            }
        }
    }

    /// A record of a file's kind is as large as its body. One that Kafka does not take would be answered 503, "try
    /// again", however often it came.
    fn check_record_bytes(&self, settings: &mut Settings<'_>) {
        let most = self.kafka.batch_bytes.max(BATCH_BYTES).saturating_sub(RECORD_FRAME_BYTES);
        if self.requests.bodies.max_bytes > most && self.kinds.iter().any(|kind| matches!(kind, Kind::Schema(_))) {
            let message = format!(
                "must be at most {most} where a kind of a file is served, so that Kafka takes every record: raise \
                 PRODUCER_BATCH_BYTES too, and max.message.bytes of the topics"
            );
            settings.error("MAX_BODY_BYTES", message);
        }
    }

    fn check_topics(&self, settings: &mut Settings<'_>) {
        let name = |kind: Kind| match kind {
            Kind::Post => "KAFKA_TOPIC",
            Kind::Order | Kind::Schema(_) => kafka::settings::own_name(kind.name(), "KAFKA_TOPIC"),
        };
        for (index, kind) in self.kinds.iter().enumerate() {
            let topic = &self.publish(*kind).topic;
            if let Some(other) = self.kinds[..index].iter().find(|other| self.publish(**other).topic == *topic) {
                let message = format!("must not be {}: a topic has records of one kind", name(*other));
                settings.error(name(*kind), message);
            }
        }
    }
}

impl AsRef<ServiceConfig> for ProducerConfig {
    fn as_ref(&self) -> &ServiceConfig {
        &self.service
    }
}
