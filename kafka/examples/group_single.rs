//! Takes records one at a time, from two topics, until it gets a signal or has seen enough.
//!
//! ```sh
//! KAFKA_BROKER=localhost:9092 cargo run -p kafka --example group_single -- TOPIC
//! ```

use kafka::group::{Answer, ConsumerRecord, Group, GroupOptions, each};
use kafka::publish::{Publisher, PublisherOptions};
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let broker = std::env::var("KAFKA_BROKER").unwrap_or("localhost:9092".to_owned());
    let topic = std::env::args().nth(1).unwrap_or("example".to_owned());
    let other = format!("{topic}-other");
    let publisher = Publisher::connect(PublisherOptions::batched(&broker)).await?;
    for topic in [&topic, &other] {
        publisher.send(topic, "key", "value").await?;
    }
    publisher.close().await?;

    let (seen, mut enough) = mpsc::channel(1);
    let print = move |record: ConsumerRecord| {
        let seen = seen.clone();
        async move {
            println!("{} {}/{}", record.topic(), record.partition(), record.offset());
            seen.send(()).await.map_or(Answer::Later("it stops".to_owned()), |()| Answer::Stored)
        }
    };
    let group = Group::start(GroupOptions::new(&broker, &topic), &[&topic, &other], each(print))?;
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = async { assert!(enough.recv().await.and(enough.recv().await).is_some()) } => {}
    }
    group.stop().await
}
