//! Sends records that stand for themselves, many at the same time, each acknowledged.
//!
//! ```sh
//! KAFKA_BROKER=localhost:9092 cargo run -p kafka --example publish -- TOPIC
//! ```

use futures_util::future::try_join_all;
use kafka::publish::{Publisher, PublisherOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let broker = std::env::var("KAFKA_BROKER").unwrap_or("localhost:9092".to_owned());
    let topic = std::env::args().nth(1).unwrap_or("example".to_owned());
    let publisher = Publisher::connect(PublisherOptions::batched(&broker)).await?;

    // Under way at the same time, they share batches. The key decides the partition.
    let sends = (0..100).map(|n| publisher.send(&topic, format!("key-{n}"), format!("value {n}")));
    let places = try_join_all(sends).await?;
    println!("{} records are acknowledged", places.len());

    match publisher.send(&topic, "one-more", vec![0, 159, 146, 150]).await {
        Ok(place) => println!("partition {}, offset {}", place.partition, place.offset),
        Err(error) if error.may_be_stored() => println!("nobody knows, so send it again under the same id: {error}"),
        Err(error) => println!("certainly not there: {error}"),
    }
    publisher.close().await
}
