//! The publisher's settings as librdkafka's.

use std::time::Duration;

use rdkafka::ClientConfig;

use crate::publish::config::{Compression, PublishConfig};
use crate::topics::acknowledged_by_all;

/// What librdkafka takes at most, and for a request also at least. Our settings have no such bounds.
const LONGEST_LINGER: Duration = Duration::from_secs(900);
const LONGEST_RECORD_TIME: Duration = Duration::from_millis(i32::MAX as u64);
const LONGEST_REQUEST_TIME: Duration = Duration::from_secs(300);
const SHORTEST_REQUEST_TIME: Duration = Duration::from_millis(10);

/// The settings of an ordered publisher's client.
///
/// # Errors
/// When the password cannot be read.
pub(super) fn client_config(config: &PublishConfig) -> anyhow::Result<ClientConfig> {
    let (timeout, linger) = (config.longest_wait(), config.linger.min(LONGEST_LINGER));
    // librdkafka insists that a record's time is longer than the linger.
    let record_time = timeout.max(linger + Duration::from_millis(1)).min(LONGEST_RECORD_TIME);
    let mut client = acknowledged_by_all(&config.cluster, "producer", record_time)?;
    // It counts a record until its report is over, and so for a moment longer than the publisher does.
    let records = config.max_in_flight.saturating_mul(2);
    let kilobytes = config.max_in_flight_bytes().saturating_mul(2) / 1024;
    let request_time = (timeout / 2).clamp(SHORTEST_REQUEST_TIME, LONGEST_REQUEST_TIME);
    client
        .set("linger.ms", (linger.as_secs_f64() * 1e3).to_string())
        .set("batch.size", config.batch_bytes.to_string())
        .set("compression.type", codec(config.compression))
        .set("queue.buffering.max.messages", records.min(i32::MAX as usize).to_string())
        .set("queue.buffering.max.kbytes", kilobytes.min(i32::MAX as usize).to_string())
        // A request without an answer is given up while there is time for another try: a frozen leader may have been
        // replaced. The broker recognizes what it has already taken.
        .set("socket.timeout.ms", request_time.as_millis().to_string())
        .set("socket.connection.setup.timeout.ms", "2000")
        .set("reconnect.backoff.max.ms", "1000")
        .set("topic.metadata.refresh.interval.ms", "10000");
    Ok(client)
}

/// librdkafka's name of a codec.
fn codec(compression: Compression) -> &'static str {
    match compression {
        Compression::NoCompression => "none",
        Compression::Gzip => "gzip",
        Compression::Lz4 => "lz4",
        Compression::Snappy => "snappy",
        Compression::Zstd => "zstd",
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::KafkaResult;
    use rdkafka::producer::BaseProducer;
    use service::cluster::Cluster;

    use super::*;

    fn config() -> PublishConfig {
        PublishConfig {
            kind: "order",
            cluster: Cluster::plaintext("127.0.0.1:1,127.0.0.1:2"),
            topic: "orders".to_owned(),
            partitions: 1,
            replication: 1,
            linger: Duration::from_micros(2_500),
            linger_adaptive: true,
            batch_bytes: 7_000,
            compression: Compression::NoCompression,
            max_in_flight: 10_000,
            timeout: Duration::from_secs(5),
            idempotency_keys: 0,
        }
    }

    #[test]
    fn the_publishers_settings_become_librdkafkas() {
        let client = client_config(&config()).unwrap();
        for (name, value) in [
            ("bootstrap.servers", "127.0.0.1:1,127.0.0.1:2"),
            ("acks", "all"),
            ("enable.idempotence", "true"),
            ("linger.ms", "2.5"),
            ("batch.size", "7000"),
            ("compression.type", "none"),
            ("message.timeout.ms", "4950"),
            ("socket.timeout.ms", "2475"),
            ("queue.buffering.max.messages", "20000"),
            ("queue.buffering.max.kbytes", "160000"),
        ] {
            assert_eq!(client.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn librdkafka_takes_the_settings_at_their_limits() {
        let smallest = PublishConfig {
            linger: Duration::ZERO,
            batch_bytes: 1,
            max_in_flight: 1,
            timeout: Duration::from_millis(1),
            ..config()
        };
        let largest = PublishConfig {
            linger: Duration::from_millis(4_999),
            batch_bytes: 100_000_000,
            max_in_flight: 1_000_000,
            ..config()
        };
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let slowest = PublishConfig { linger: days(99), timeout: days(100), ..config() };
        let codecs = [Compression::Gzip, Compression::Lz4, Compression::Snappy, Compression::Zstd];
        let codecs = codecs.map(|compression| PublishConfig { compression, ..config() });
        for config in codecs.into_iter().chain([smallest, largest, slowest]) {
            let made: KafkaResult<BaseProducer> = client_config(&config).unwrap().create();
            assert!(made.is_ok(), "{config:?}");
        }
    }
}
