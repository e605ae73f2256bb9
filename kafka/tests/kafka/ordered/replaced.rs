//! An error that ends librdkafka's producer for good: the broker has forgotten what it acknowledged, because its disk
//! was restored from a copy.

use std::fs;
use std::path::Path;

use stack::environment;
use stack::kafka::BrokerOptions;

use crate::ordered::{Ordered, found};
use crate::world::{World, wait_until};

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.unwrap(), to.to_owned());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_ended_with_an_error_is_replaced() {
    let mut broker = stack::kafka::start(&BrokerOptions::default(), environment).await.unwrap();
    let run = broker.log().parent().unwrap().to_owned();
    let (data, kept) = (run.join("data"), run.join("kept"));
    let world = World::at(&broker.address());
    let ordered = Ordered::start(&world, |config| config.partitions = 1);
    ordered.ready().await;
    let kept_number = ordered.publish_until_acknowledged("key", 0..100).await;
    broker.stop().await.unwrap();
    copy(&data, &kept);
    broker.restart().await.unwrap();
    for forgotten in 1..4 {
        ordered.publish_until_acknowledged("key", 100 * forgotten..100 * (forgotten + 1)).await;
    }
    broker.stop().await.unwrap();
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&kept, &data).unwrap();
    broker.restart().await.unwrap();

    let number = ordered.publish_until_acknowledged("key", 1000..1100).await;
    wait_until("the metrics say so", async || {
        ordered.registry.render().contains("\ningest_produce_clients_replaced_total{kind=\"record\"} 1\n")
    })
    .await;
    let numbers: Vec<u64> = found(&world).iter().map(super::Found::number).collect();
    assert_eq!(numbers, [kept_number, number]);
    assert_eq!(ordered.publisher.in_flight(), 0);
    ordered.close().await;
}
