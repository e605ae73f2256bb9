//! Sends values as JSON, and reads them back as what they are. What is not one of them becomes a dead letter.
//!
//! ```sh
//! KAFKA_BROKER=localhost:9092 cargo run -p kafka --example json -- TOPIC
//! ```

use kafka::group::{Answer, ConsumerRecord, Group, GroupOptions, each};
use kafka::publish::{Publisher, PublisherOptions};

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Reading {
    device: String,
    celsius: f64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let broker = std::env::var("KAFKA_BROKER").unwrap_or("localhost:9092".to_owned());
    let topic = std::env::args().nth(1).unwrap_or("example".to_owned());
    let publisher = Publisher::connect(PublisherOptions::batched(&broker)).await?;
    let reading = Reading { device: "device-7".to_owned(), celsius: 21.5 };
    publisher.send_json(&topic, &reading.device, &reading).await?;
    publisher.send(&topic, "device-8", "21.5 degrees").await?;
    publisher.close().await?;

    let print = |record: ConsumerRecord| async move {
        match record.json::<Reading>() {
            Ok(Reading { device, celsius }) => println!("{device} has {celsius} °C"),
            Err(error) => return Answer::Rejected(format!("not a reading: {error}")),
        }
        Answer::Stored
    };
    let options = GroupOptions { limit: Some(2), ..GroupOptions::new(&broker, &topic) };
    Group::start(options, &[&topic], each(print))?.ended().await
}
