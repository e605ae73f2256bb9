//! Takes records in batches, so that a store can write them in one go. While the store is away they are tried again.
//!
//! ```sh
//! KAFKA_BROKER=localhost:9092 cargo run -p kafka --example group_batches -- TOPIC
//! ```

use futures_util::future::try_join_all;
use kafka::group::{Answer, ConsumerRecord, Group, GroupOptions, batches};
use kafka::publish::{Publisher, PublisherOptions};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let broker = std::env::var("KAFKA_BROKER").unwrap_or("localhost:9092".to_owned());
    let topic = std::env::args().nth(1).unwrap_or("example".to_owned());
    let publisher = Publisher::connect(PublisherOptions::batched(&broker)).await?;
    try_join_all((0..250).map(|n| publisher.send(&topic, format!("key-{n}"), "value"))).await?;
    publisher.close().await?;

    // The store is the other end of this channel: it has room for one batch at a time.
    let (store, mut stored) = mpsc::channel(1);
    let write = move |records: Vec<ConsumerRecord>| {
        let (answers, store) = (vec![Answer::Stored; records.len()], store.clone());
        async move {
            match store.try_send(records.len()) {
                Ok(()) => answers,
                Err(error) => vec![Answer::Later(error.to_string()); answers.len()],
            }
        }
    };
    let group = Group::start(GroupOptions::new(&broker, &topic), &[&topic], batches(write))?;
    let mut count = 0;
    while count < 250 {
        count += stored.recv().await.unwrap_or_default();
        println!("{count} records are stored");
    }
    group.stop().await
}
