//! Sends the states of two orders, of which the last one counts: the records of a key keep their order.
//!
//! ```sh
//! KAFKA_BROKER=localhost:9092 cargo run -p kafka --example publish_ordered -- TOPIC
//! ```

use futures_util::future::try_join_all;
use kafka::publish::{Publisher, PublisherOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let broker = std::env::var("KAFKA_BROKER").unwrap_or("localhost:9092".to_owned());
    let topic = std::env::args().nth(1).unwrap_or("example".to_owned());
    let publisher = Publisher::connect(PublisherOptions::ordered(&broker)).await?;

    // Polled in this order, so each order is in its partition as pending, then processing, then completed.
    let states = ["pending", "processing", "completed"];
    let sends = states.iter().flat_map(|state| ["order-1", "order-2"].map(|key| publisher.send(&topic, key, *state)));
    let places = try_join_all(sends).await?;
    assert!(places[0].offset < places[2].offset && places[2].offset < places[4].offset);

    // All that was sent before has been acknowledged or given up; more may follow.
    publisher.flush().await;
    println!("{} records are acknowledged, in order", places.len());
    publisher.close().await
}
