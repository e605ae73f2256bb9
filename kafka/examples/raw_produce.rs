//! What an acknowledgement takes without HTTP, queue or batch: clients that each send one record at a time to a
//! partition of a topic that exists. The measuring scripts compare the producer with it.
//!
//!     raw_produce CONNECTION BROKERS TOPIC CLIENTS SECONDS
//!
//! CONNECTION is `own`, a lane's connection and encoding, or `rskafka`, the client of a partition that rskafka has.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kafka::publish::{Compression, EncodedBatch, Key, ProduceError, Record};
use kafka::{Broker, Cluster};
use rskafka::chrono::DateTime;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{PartitionClient, UnknownTopicHandling};
use tokio::task::JoinSet;

const KEY: &[u8] = b"6ae2dfe4-1723-5035-a463-d55783a966eb";
const VALUE: [u8; 300] = [b'x'; 300];
const TIMESTAMP_MS: i64 = 1_700_000_000_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [connection, brokers, topic, clients, seconds] =
        arguments.try_into().ok().context("CONNECTION BROKERS TOPIC CLIENTS SECONDS")?;
    let cluster = Cluster::plaintext(&brokers);
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let mut sending = JoinSet::new();
    for _ in 0..clients.parse()? {
        match connection.as_str() {
            "own" => {
                let broker = Broker::connect_to_leader(&cluster, &topic, 0).await?;
                sending.spawn(send(broker, topic.clone(), end));
            }
            "rskafka" => {
                let client = ClientBuilder::new(cluster.brokers.clone()).build().await?;
                let partition = client.partition_client(topic.as_str(), 0, UnknownTopicHandling::Error).await?;
                sending.spawn(send_by_rskafka(partition, end));
            }
            other => bail!("there is no connection {other}: own or rskafka"),
        }
    }
    let mut waits = Vec::new();
    while let Some(sent) = sending.join_next().await {
        waits.extend(sent??);
    }
    waits.sort_unstable();
    let percentile = |share: usize| waits.get(waits.len() * share / 100).map_or(0.0, |wait| wait.as_secs_f64() * 1e3);
    println!("records {} p50_ms {:.3} p99_ms {:.3}", waits.len(), percentile(50), percentile(99));
    Ok(())
}

/// How long each acknowledgement took.
async fn send(broker: Broker, topic: String, end: Instant) -> anyhow::Result<Vec<Duration>> {
    let record = Record {
        key: Key::from_slice(KEY),
        value: VALUE.to_vec(),
        is_json: true,
        timestamp_ms: TIMESTAMP_MS,
        trace: None,
        client_key: None,
    };
    let mut waits = Vec::new();
    while Instant::now() < end {
        let started = Instant::now();
        let batch = EncodedBatch::new(std::iter::once(&record), Compression::NoCompression);
        match broker.produce(&topic, 0, &batch).await {
            Ok(_) => waits.push(started.elapsed()),
            Err(ProduceError::Refused(error)) => bail!("Kafka refuses a record: {error:?}"),
            Err(ProduceError::Broken(error)) => return Err(error),
        }
    }
    Ok(waits)
}

/// How long each acknowledgement took.
async fn send_by_rskafka(partition: PartitionClient, end: Instant) -> anyhow::Result<Vec<Duration>> {
    let record = rskafka::record::Record {
        key: Some(KEY.to_vec()),
        value: Some(VALUE.to_vec()),
        headers: std::iter::once(("content-type".to_owned(), b"application/json".to_vec())).collect(),
        timestamp: DateTime::from_timestamp_millis(TIMESTAMP_MS).context("a time")?,
    };
    let mut waits = Vec::new();
    while Instant::now() < end {
        let (record, started) = (record.clone(), Instant::now());
        partition.produce(vec![record], Compression::NoCompression).await?;
        waits.push(started.elapsed());
    }
    Ok(waits)
}
