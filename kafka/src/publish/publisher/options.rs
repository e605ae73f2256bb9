//! What a program chooses for its publisher.

use std::time::Duration;

use anyhow::ensure;
use service::cluster::Cluster;

use crate::publish::config::{Compression, PublishConfig};

/// What a [`super::Publisher`] needs to know. Each constructor sets what the producer of this repository has by
/// default; change the fields that should differ.
#[derive(Debug, Clone)]
pub struct PublisherOptions {
    /// Where the cluster is, and what secures the connections to it; nothing.
    pub cluster: Cluster,
    /// The records of a key keep the order in which they are sent; see [`Self::ordered`].
    pub keeps_order: bool,
    /// Partitions of a topic that is missing and so is created; 1.
    pub partitions: i32,
    /// Replicas of a topic that is missing and so is created; 1.
    pub replication: i16,
    /// Longest wait of a batch's first record for company; 2 ms.
    pub linger: Duration,
    /// Upper bound of a batch, in bytes; 1,000,000.
    pub batch_bytes: usize,
    /// Codec of the batches; none.
    pub compression: Compression,
    /// Records of each topic that may await acknowledgement; beyond it a send fails at once. 10,000.
    pub max_in_flight: usize,
    /// Longest wait for a record's acknowledgement, and before that for its topic to be reached for the first time;
    /// 5 s.
    pub timeout: Duration,
}

impl PublisherOptions {
    /// Sends in batches over several connections at the same time. The cheaper and faster way, for records that stand
    /// for themselves: they may overtake each other, and one whose acknowledgement was lost may be in the topic twice.
    /// Give each record an id, so that its reader can drop the second.
    ///
    /// `brokers` are bootstrap addresses, host:port, comma-separated.
    pub fn batched(brokers: &str) -> Self {
        Self {
            cluster: Cluster::plaintext(brokers),
            keeps_order: false,
            partitions: 1,
            replication: 1,
            linger: Duration::from_millis(2),
            batch_bytes: 1_000_000,
            compression: Compression::NoCompression,
            max_in_flight: 10_000,
            timeout: Duration::from_secs(5),
        }
    }

    /// Sends with Kafka's idempotent producer: the records of a key stay in the order in which they were sent, and a
    /// retry neither repeats nor overtakes one. For records of which the last one of a key wins.
    ///
    /// `brokers` are bootstrap addresses, host:port, comma-separated.
    pub fn ordered(brokers: &str) -> Self {
        Self { keeps_order: true, ..Self::batched(brokers) }
    }

    /// Everything that the publisher of one topic needs.
    pub(super) fn of_topic(&self, topic: &str) -> PublishConfig {
        PublishConfig {
            kind: "record",
            cluster: self.cluster.clone(),
            topic: topic.to_owned(),
            partitions: self.partitions,
            replication: self.replication,
            linger: self.linger,
            linger_adaptive: true,
            batch_bytes: self.batch_bytes,
            compression: self.compression,
            max_in_flight: self.max_in_flight,
            timeout: self.timeout,
            idempotency_keys: 0,
        }
    }

    /// Whether they can work.
    ///
    /// # Errors
    /// The first one that cannot.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.cluster.brokers.iter().all(|broker| !broker.is_empty()), "a broker's address is empty");
        ensure!(self.partitions > 0, "partitions must be at least 1");
        ensure!(self.replication > 0, "replication must be at least 1");
        ensure!(self.batch_bytes > 0, "batch_bytes must be at least 1");
        ensure!(self.max_in_flight > 0, "max_in_flight must be at least 1");
        ensure!(self.linger < self.timeout, "linger must be shorter than timeout, or no record is sent in time");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_work_and_what_cannot_work_is_named() {
        for options in [PublisherOptions::batched("a:1, b:2"), PublisherOptions::ordered("a:1,b:2")] {
            assert_eq!(options.cluster.brokers, ["a:1", "b:2"]);
            options.check().unwrap();
        }
        let options = || PublisherOptions::batched("localhost:9092");
        for (wrong, named) in [
            (PublisherOptions::batched("localhost:9092,"), "address"),
            (PublisherOptions { partitions: 0, ..options() }, "partitions"),
            (PublisherOptions { replication: 0, ..options() }, "replication"),
            (PublisherOptions { batch_bytes: 0, ..options() }, "batch_bytes"),
            (PublisherOptions { max_in_flight: 0, ..options() }, "max_in_flight"),
            (PublisherOptions { linger: Duration::from_secs(5), ..options() }, "linger"),
        ] {
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
