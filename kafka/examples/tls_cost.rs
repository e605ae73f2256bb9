//! What TLS and SASL to Kafka cost: the same records in and out, in turns by a listener that asks for nothing and by
//! one that asks for SCRAM-SHA-512 over TLS, on one broker of its own.
//!
//!     cargo run --release -p kafka --example tls_cost [ROUNDS [SECONDS]]
//!
//! It prints for each turn records a second and the CPU of this process and of the broker, in µs a record.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use kafka::cluster::{Mechanism, Sasl, Security, Tls};
use kafka::{Answer, Cluster, ConsumerRecord, Group, GroupOptions, Publisher, PublisherOptions, batches};
use service::secrets::Secret;
use stack::access::{CREATE, READ, Resource, WRITE};
use stack::kafka::secure::{SecureBroker, password};
use tokio::task::JoinSet;

const USER: &str = "bench";
const SENDERS: usize = 256;
const VALUE: [u8; 300] = [b'x'; 300];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let rounds = arguments.next().transpose()?.unwrap_or(5);
    let seconds = Duration::from_secs(arguments.next().transpose()?.unwrap_or(4));
    let broker = SecureBroker::start(&[USER]).await?;
    let sasl = Sasl::Password {
        mechanism: Mechanism::ScramSha512,
        username: USER.to_owned(),
        password: Secret::text(&password(USER)),
    };
    let tls = Tls { ca: Some(broker.ca.clone()), identity: None };
    let secured = Security { tls: Some(tls), sasl: Some(sasl) };
    let clusters = [
        ("PLAINTEXT", Cluster::plaintext(&broker.server.address())),
        ("SASL_SSL", Cluster { security: secured, ..Cluster::plaintext(&broker.users()) }),
    ];
    println!(
        "{:<10} {:>12} {:>10} {:>10} {:>12} {:>10} {:>10}",
        "", "produced/s", "own µs", "broker µs", "consumed/s", "own µs", "broker µs"
    );
    for round in 0..rounds {
        for (name, cluster) in &clusters {
            let topic = format!("{}-{round}", name.to_lowercase());
            for (resource, operation) in [
                (Resource::Topic(&topic), CREATE),
                (Resource::Topic(&topic), WRITE),
                (Resource::Topic(&topic), READ),
                (Resource::Group(&topic), READ),
            ] {
                broker.grant(USER, resource, operation).await?;
            }
            let letters = format!("{topic}.dlq");
            broker.grant(USER, Resource::Topic(&letters), CREATE).await?;
            broker.grant(USER, Resource::Topic(&letters), WRITE).await?;
            let meter = Meter::start(&broker)?;
            let produced = produce(cluster, &topic, seconds).await?;
            let [rate, own, of_broker] = meter.shares(produced)?;
            print!("{name:<10} {rate:>12.0} {own:>10.2} {of_broker:>10.2}");
            let meter = Meter::start(&broker)?;
            consume(cluster, &topic, produced).await?;
            let [rate, own, of_broker] = meter.shares(produced)?;
            println!(" {rate:>12.0} {own:>10.2} {of_broker:>10.2}");
        }
    }
    Ok(())
}

async fn produce(cluster: &Cluster, topic: &str, time: Duration) -> anyhow::Result<u64> {
    let options = PublisherOptions { cluster: cluster.clone(), ..PublisherOptions::batched("") };
    let publisher = Arc::new(Publisher::connect(options).await?);
    publisher.open(topic).await?;
    let end = Instant::now() + time;
    let mut sending = JoinSet::new();
    for _ in 0..SENDERS {
        let (publisher, topic) = (Arc::clone(&publisher), topic.to_owned());
        sending.spawn(async move {
            let mut sent = 0;
            while Instant::now() < end {
                publisher.send(&topic, "key", VALUE.to_vec()).await?;
                sent += 1;
            }
            anyhow::Ok(sent)
        });
    }
    let mut sent = 0;
    while let Some(ended) = sending.join_next().await {
        sent += ended??;
    }
    Ok(sent)
}

async fn consume(cluster: &Cluster, topic: &str, count: u64) -> anyhow::Result<()> {
    let read = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&read);
    let handler = batches(move |records: Vec<ConsumerRecord>| {
        counted.fetch_add(records.len() as u64, Ordering::Relaxed);
        async move { vec![Answer::Stored; records.len()] }
    });
    let options = GroupOptions { cluster: cluster.clone(), ..GroupOptions::new("", topic) };
    let group = Group::start(options, &[topic], handler)?;
    while read.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    group.stop().await
}

/// Time and CPU since its start.
struct Meter {
    at: Instant,
    broker: u32,
    own_ticks: u64,
    broker_ticks: u64,
}

impl Meter {
    fn start(broker: &SecureBroker) -> anyhow::Result<Self> {
        let broker = broker.server.pid();
        Ok(Self { at: Instant::now(), broker, own_ticks: ticks("self")?, broker_ticks: ticks(&broker.to_string())? })
    }

    /// Records a second, and the CPU of this process and of the broker in µs a record.
    fn shares(&self, records: u64) -> anyhow::Result<[f64; 3]> {
        let micros = |ticks: u64| ticks as f64 * 10_000.0 / records as f64;
        let broker = ticks(&self.broker.to_string())? - self.broker_ticks;
        Ok([records as f64 / self.at.elapsed().as_secs_f64(), micros(ticks("self")? - self.own_ticks), micros(broker)])
    }
}

/// The CPU that a process has had, in hundredths of a second.
fn ticks(process: &str) -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name, which may have spaces: the state is field 3, the times are 14 and 15.
    let (_, fields) = stat.rsplit_once(')').context("no process")?;
    let times = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(times.sum::<Result<u64, _>>()?)
}
