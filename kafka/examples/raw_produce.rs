//! What an acknowledgement takes at best: clients that each send one record at a time to a partition of a topic that
//! exists, without HTTP, queue or batch. The measuring scripts compare the producer with it.
//!
//!     raw_produce BROKERS TOPIC CLIENTS SECONDS

use std::time::{Duration, Instant};

use anyhow::Context;
use kafka::publish::{Broker, Compression, EncodedBatch, Key, ProduceError, Record};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic, clients, seconds] = arguments.try_into().ok().context("BROKERS TOPIC CLIENTS SECONDS")?;
    let brokers: Vec<String> = brokers.split(',').map(str::to_owned).collect();
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    let mut sending = JoinSet::new();
    for _ in 0..clients.parse()? {
        let broker = Broker::connect_to_leader(&brokers, &topic, 0).await?;
        sending.spawn(send(broker, topic.clone(), end));
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
        key: Key::from_slice(b"6ae2dfe4-1723-5035-a463-d55783a966eb"),
        value: vec![b'x'; 300],
        is_json: true,
        timestamp_ms: 1_700_000_000_000,
        trace: None,
        client_key: None,
    };
    let mut waits = Vec::new();
    while Instant::now() < end {
        let started = Instant::now();
        let batch = EncodedBatch::new(std::iter::once(&record), Compression::NoCompression);
        match broker.produce(&topic, 0, &batch).await {
            Ok(_) => waits.push(started.elapsed()),
            Err(ProduceError::Refused(error)) => anyhow::bail!("Kafka refuses a record: {error:?}"),
            Err(ProduceError::Broken(error)) => return Err(error),
        }
    }
    Ok(waits)
}
