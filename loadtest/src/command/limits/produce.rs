//! What the broker takes without any HTTP: records like the pipeline's, by the producer's own client, with the
//! producer's number of connections and a batch in flight on each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use contract::PostId;
use kafka::publish::{Batch, BatchLimits, Compression, EncodedBatch, Key, LANES_PER_BROKER, ProduceError, Record};
use kafka::topics::{Admin, TopicSettings};
use kafka::{Broker, Cluster};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ledger::post::RunId;
use crate::ledger::post::bodies::{Bodies, Shape};
use crate::pipeline::topic::CLIENT_ID;

/// Longest wait for any answer of Kafka.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait before the next look for a new topic's leader.
const LEADER_PAUSE: Duration = Duration::from_millis(100);

/// The most records in one measure, so that a fast broker does not fill the disk: about 400 MB.
const MOST_RECORDS: u64 = 1_000_000;

/// What is produced, and where to.
#[derive(Debug, Clone)]
pub(crate) struct Produce {
    pub(crate) topic: String,
    pub(crate) partitions: i32,
    pub(crate) replication: i16,
    pub(crate) compression: Compression,
    /// Upper bound of a batch's encoded size.
    pub(crate) batch_bytes: usize,
    pub(crate) run: RunId,
}

/// Deletes the topics whose names start with this.
pub(crate) async fn delete_topics(cluster: &Cluster, prefix: &str) -> anyhow::Result<()> {
    let admin = Admin::new(cluster, CLIENT_ID, ANSWER_TIMEOUT)?;
    let topics = admin.topics().await.context("cannot list the topics")?;
    let ours: Vec<&str> = topics.iter().map(String::as_str).filter(|topic| topic.starts_with(prefix)).collect();
    if ours.is_empty() {
        return Ok(());
    }
    // A topic is still listed for a moment after it was deleted, here at the end of the last round.
    admin.delete(&ours).await.with_context(|| format!("cannot delete the topics {}", ours.join(", ")))
}

impl Produce {
    /// Creates the topic and connects to the leaders of its partitions.
    pub(crate) async fn connections(&self, cluster: &Cluster) -> anyhow::Result<Vec<(i32, Broker)>> {
        let admin = Admin::new(cluster, CLIENT_ID, ANSWER_TIMEOUT)?;
        let (partitions, replication) = (self.partitions, self.replication);
        let created = admin.create(&self.topic, &TopicSettings { partitions, replication, configs: Vec::new() }).await;
        created.with_context(|| format!("cannot create the topic {}", self.topic))?;
        let mut connections = Vec::new();
        for partition in 0..self.partitions {
            for _ in 0..LANES_PER_BROKER {
                connections.push((partition, self.connect_to_leader(cluster, partition).await?));
            }
        }
        Ok(connections)
    }

    /// Not every broker may know a new topic's leader yet.
    async fn connect_to_leader(&self, cluster: &Cluster, partition: i32) -> anyhow::Result<Broker> {
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            match Broker::connect_to_leader(cluster, &self.topic, partition).await {
                Err(_) if Instant::now() < deadline => tokio::time::sleep(LEADER_PAUSE).await,
                connected => return connected,
            }
        }
    }

    /// Produces for `duration` and returns how many records were acknowledged.
    pub(crate) async fn records(&self, connections: Vec<(i32, Broker)>, duration: Duration) -> anyhow::Result<u64> {
        let (end, acknowledged) = (Instant::now() + duration, Arc::new(AtomicU64::new(0)));
        let mut lanes = JoinSet::new();
        for (lane, (partition, connection)) in (0..).zip(connections) {
            let (produce, acknowledged) = (self.clone(), Arc::clone(&acknowledged));
            lanes.spawn(async move {
                // Texts differ from lane to lane, as they do from post to post.
                let mut bodies = Bodies::new(produce.run, lane, Shape::default());
                let mut n = 0;
                while Instant::now() < end && acknowledged.load(Ordering::Relaxed) < MOST_RECORDS {
                    let batch = batch(&mut bodies, &mut n, produce.batch_bytes);
                    let encoded = EncodedBatch::new(batch.iter(), produce.compression);
                    let producing = timeout(ANSWER_TIMEOUT, connection.produce(&produce.topic, partition, &encoded));
                    match producing.await.context("no acknowledgement from Kafka in time")? {
                        Ok(_) => _ = acknowledged.fetch_add(batch.len() as u64, Ordering::Relaxed),
                        Err(ProduceError::Refused(error)) => bail!("Kafka refuses a batch: {error:?}"),
                        Err(ProduceError::Broken(error)) => return Err(error),
                    }
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = lanes.join_next().await {
            ended.context("producing failed")??;
        }
        Ok(acknowledged.load(Ordering::Relaxed))
    }
}

/// As many records as fit into this size, at least one.
fn batch(bodies: &mut Bodies, n: &mut u64, batch_bytes: usize) -> Vec<Record> {
    let mut next = || {
        *n += 1;
        let timestamp_ms = bson::DateTime::now().timestamp_millis();
        let value = bodies.post(*n).body.to_vec();
        let key = Key::from(PostId::fresh().to_key());
        let post = Record { key, value, is_json: true, timestamp_ms, trace: None, client_key: None };
        let size_bytes = post.encoded_bytes();
        (post, size_bytes)
    };
    let (first, first_bytes) = next();
    let mut batch = Batch::new(first, first_bytes, BatchLimits { bytes: batch_bytes, items: usize::MAX });
    loop {
        let (post, size_bytes) = next();
        if batch.push(post, size_bytes).is_err() {
            return batch.into_items();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_large_as_it_may_be() {
        let mut bodies = Bodies::new(RunId::fresh(), 1, Shape::default());
        let mut n = 0;
        for batch_bytes in [1, kafka::publish::ENOUGH_BYTES, 100_000] {
            let batch = batch(&mut bodies, &mut n, batch_bytes);
            let size_bytes: usize = batch.iter().map(Record::encoded_bytes).sum();
            assert!(batch.len() == 1 || size_bytes <= batch_bytes, "{size_bytes} of {batch_bytes}");
            assert!(size_bytes + 500 > batch_bytes, "one more would have fitted: {size_bytes} of {batch_bytes}");
        }
    }
}
