//! Three brokers, one of which dies: nothing is acknowledged that a replica lacks, and a new leader changes no order.

use std::sync::Arc;
use std::time::Duration;

use kafka::Cluster;
use kafka::publish::PublishError;
use kafka::topics::{Admin, TopicSettings};
use stack::Server;

use crate::leaders::brokers;
use crate::ordered::writers::Writers;
use crate::ordered::{Ordered, found, reader};
use crate::world::{DEADLINE, World};

/// Creates the topic with one partition on all brokers, of which this many must have a record.
async fn create(world: &World, min_in_sync: usize) {
    let admin = Admin::new(&Cluster::plaintext(&world.broker), "test", DEADLINE).unwrap();
    let configs = vec![("min.insync.replicas".to_owned(), min_in_sync.to_string())];
    assert!(admin.create(&world.topic, &TopicSettings { partitions: 1, replication: 3, configs }).await.unwrap());
}

/// The index of the broker that leads the topic's only partition.
fn leader(world: &World) -> usize {
    usize::try_from(reader(world).partitions(&world.topic).unwrap()[0].leader).unwrap() - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_means_on_all_replicas_and_a_new_leader_changes_no_order() {
    let mut brokers = brokers().await;
    let addresses = brokers.each_ref().map(Server::address).join(",");

    let world = World::at(&addresses);
    create(&world, 3).await;
    let ordered = Ordered::start(&world, |config| {
        (config.partitions, config.timeout) = (1, Duration::from_secs(3));
    });
    ordered.ready().await;
    let first = ordered.publish_until_acknowledged("key", 0..100).await;
    let follower = (leader(&world) + 1) % 3;
    brokers[follower].kill().await.unwrap();
    assert_eq!(ordered.publish("key", 100).await, Err(PublishError::Unacknowledged));
    brokers[follower].restart().await.unwrap();
    let last = ordered.publish_until_acknowledged("key", 101..400).await;
    let numbers: Vec<u64> = found(&world).iter().map(super::Found::number).collect();
    assert!(numbers.is_sorted() && numbers.contains(&first) && numbers.contains(&last), "{numbers:?}");
    ordered.close().await;

    let world = World::at(&addresses);
    create(&world, 2).await;
    let ordered = Arc::new(Ordered::start(&world, |config| config.partitions = 1));
    ordered.ready().await;
    let writers = Writers::start(&ordered, 20);
    writers.go_on().await;
    let leads = leader(&world);
    brokers[leads].kill().await.unwrap();
    writers.go_on().await;
    assert_ne!(leader(&world), leads);
    brokers[leads].restart().await.unwrap();
    writers.go_on().await;
    writers.judge(|| found(&world)).await;
    ordered.close().await;
}
