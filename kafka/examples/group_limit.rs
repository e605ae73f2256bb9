//! Takes ten records and ends, as a command does. The next run continues behind them.
//!
//! ```sh
//! KAFKA_BROKER=localhost:9092 cargo run -p kafka --example group_limit -- TOPIC
//! ```

use futures_util::future::try_join_all;
use kafka::group::{Answer, ConsumerRecord, Group, GroupOptions, each};
use kafka::publish::{Publisher, PublisherOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let broker = std::env::var("KAFKA_BROKER").unwrap_or("localhost:9092".to_owned());
    let topic = std::env::args().nth(1).unwrap_or("example".to_owned());
    let publisher = Publisher::connect(PublisherOptions::ordered(&broker)).await?;
    try_join_all((0..20).map(|n| publisher.send(&topic, "key", n.to_string()))).await?;
    publisher.close().await?;

    let print = |record: ConsumerRecord| async move {
        println!("{}", String::from_utf8_lossy(record.value().unwrap_or_default()));
        Answer::Stored
    };
    let options = GroupOptions { limit: Some(10), ..GroupOptions::new(&broker, &topic) };
    for run in 1..=2 {
        println!("run {run}:");
        Group::start(options.clone(), &[&topic], each(print))?.ended().await?;
    }
    Ok(())
}
