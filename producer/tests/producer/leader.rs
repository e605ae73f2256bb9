//! The partition's leader moves to another broker of the cluster, because its broker dies, freezes, or stops.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use stack::Server;

use crate::client::{POST, post, within_patience};
use crate::cluster::{self, addresses};
use crate::running::{Producer, eventually};
use crate::topic::{fresh_topic, leader, records};

/// The leader's place among the servers, whose numbers are 1, 2 and 3.
async fn leading(servers: &[Server], topic: &str) -> usize {
    leader(&addresses(servers), topic).await.unwrap() as usize - 1
}

/// Posts one at a time while `trouble` lasts, and then until some are accepted. Returns the ids of the accepted ones.
async fn posts_during(producer: &Producer, trouble: impl Future<Output = ()>) -> HashSet<String> {
    let (accepted, is_over) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
    let trouble = async {
        trouble.await;
        is_over.store(accepted.load(Ordering::Relaxed) + 20, Ordering::Relaxed);
    };
    let posting = async {
        let mut ids = HashSet::new();
        let mut connection = producer.connect().await;
        while accepted.load(Ordering::Relaxed) < is_over.load(Ordering::Relaxed) {
            let response = connection.ask(post(POST)).await;
            if response.status == 201 {
                assert!(ids.insert(response.created_id()));
                accepted.fetch_add(1, Ordering::Relaxed);
            } else {
                response.unavailable();
            }
        }
        ids
    };
    within_patience("posts are accepted again", async { tokio::join!(posting, trouble).0 }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_follow_the_leader_and_none_is_lost() {
    let mut servers = cluster::start().await;
    let (brokers, topic) = (addresses(&servers), fresh_topic());
    let start = async |brokers: &str| {
        let settings =
            [("KINDS", "post"), ("KAFKA_BROKER", brokers), ("KAFKA_TOPIC", &topic), ("KAFKA_REPLICATION", "3")];
        Producer::start(&[&settings[..], &[("PRODUCER_TIMEOUT", "20s")]].concat()).await
    };
    let producer = start(&brokers).await;
    producer.ready().await;
    let dying = leading(&servers, &topic).await;
    let mut ids = posts_during(&producer, async { servers[dying].kill().await.unwrap() }).await;

    // A producer that starts now finds the others, although the first one in its list is gone.
    let mut dead_first = servers.iter().map(Server::address).collect::<Vec<_>>();
    dead_first.swap(0, dying);
    let another = start(&dead_first.join(",")).await;
    another.ready().await;
    ids.insert(another.ask(post(POST)).await.created_id());
    servers[dying].restart().await.unwrap();
    let frozen = leading(&servers, &topic).await;
    let freeze = async {
        servers[frozen].pause().unwrap();
        let others: Vec<String> =
            servers.iter().enumerate().filter(|(index, _)| *index != frozen).map(|(_, s)| s.address()).collect();
        eventually("another leader", async || {
            leader(&others.join(","), &topic).await.is_some_and(|leader| leader as usize - 1 != frozen)
        })
        .await;
    };
    ids.extend(posts_during(&producer, freeze).await);
    servers[frozen].resume().unwrap();

    // Last, because nothing after it needs this broker again.
    let stopping = leading(&servers, &topic).await;
    ids.extend(posts_during(&producer, async { servers[stopping].stop().await.unwrap() }).await);

    let found: HashSet<String> = records(&brokers, &topic).await.into_iter().map(|record| record.key).collect();
    let missing: Vec<&String> = ids.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
