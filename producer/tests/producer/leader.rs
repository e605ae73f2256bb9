//! The partition's leader moves to another broker of the cluster, because its broker dies, freezes, or stops.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use stack::{Options, Server, Stack};

use crate::bulk::{array, bulk, id, numbered, results};
use crate::client::{POST, post, within_patience};
use crate::running::{Producer, eventually};
use crate::topic::{fresh_topic, leader, records};

/// The brokers of a cluster; their numbers are 1, 2 and 3.
struct Cluster {
    servers: Vec<Server>,
}

impl Cluster {
    async fn start() -> Self {
        // With a store given, which nobody asks, none is started.
        let lookup = |name: &str| match name {
            "MONGO_URI" => Some("mongodb://localhost/unused".to_owned()),
            "KAFKA_BROKER" => None,
            _ => stack::environment(name),
        };
        let options = Options { brokers: 3, ..Options::default() };
        Self { servers: Stack::start(&options, lookup).await.unwrap().brokers }
    }

    fn addresses(&self) -> String {
        self.servers.iter().map(Server::address).collect::<Vec<_>>().join(",")
    }

    /// The leader's place among the servers.
    async fn leader(&self, topic: &str) -> usize {
        leader(&self.addresses(), topic).await.unwrap() as usize - 1
    }
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

/// How many of thirty posts over all partitions are accepted, if the others are rejected at once.
async fn accepted_or_rejected_at_once(producer: &Producer) -> Option<usize> {
    let responses = producer.ask_all((0..30).map(|_| post(POST))).await;
    let (accepted, rejected): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == 201);
    assert!(!accepted.is_empty(), "with one leader lost, all posts are rejected");
    let at_once = rejected.iter().all(|response| response.unavailable() == "Kafka cannot be reached: try again");
    at_once.then_some(accepted.len())
}

/// Sends a bulk of thirty while some partitions are away; returns what is stored of it, by key.
async fn bulk_in_part(producer: &Producer) -> HashMap<String, String> {
    let results = results(&producer.ask(bulk(array(30))).await, 207);
    let (accepted, away): (Vec<_>, Vec<_>) =
        results.iter().enumerate().partition(|(_, result)| result.get("id").is_some());
    assert!(!accepted.is_empty() && !away.is_empty(), "{results:?}");
    assert!(away.iter().all(|(_, result)| result["unavailable"] == true), "{results:?}");
    accepted.into_iter().map(|(number, result)| (id(result), numbered(number))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_follow_the_leader_and_none_is_lost() {
    let mut cluster = Cluster::start().await;
    let (brokers, topic) = (cluster.addresses(), fresh_topic());
    let start = async |brokers: &str| {
        let settings =
            [("KINDS", "post"), ("KAFKA_BROKER", brokers), ("KAFKA_TOPIC", &topic), ("KAFKA_REPLICATION", "3")];
        Producer::start(&[&settings[..], &[("PRODUCER_TIMEOUT", "20s")]].concat()).await
    };
    let producer = start(&brokers).await;
    producer.ready().await;
    // One partition on each broker, and no other that could lead it.
    let unreplicated = fresh_topic();
    let topic_apart = [("KAFKA_TOPIC", unreplicated.as_str()), ("KAFKA_PARTITIONS", "3")];
    let settings = [&[("KINDS", "post"), ("KAFKA_BROKER", brokers.as_str())], &topic_apart[..]].concat();
    let apart = Producer::start(&[&settings[..], &[("PRODUCER_TIMEOUT", "3s")]].concat()).await;
    apart.ready().await;

    let dying = cluster.leader(&topic).await;
    let mut ids = posts_during(&producer, async { cluster.servers[dying].kill().await.unwrap() }).await;

    eventually("only the dead broker's partition is rejected", async || {
        accepted_or_rejected_at_once(&apart).await.is_some_and(|accepted| accepted < 30)
    })
    .await;
    assert_eq!(apart.get("/readyz").await.status, 200);
    let accepted_in_bulk = bulk_in_part(&apart).await;

    // A producer that starts now finds the others, although the first one in its list is gone.
    let mut dead_first = cluster.servers.iter().map(Server::address).collect::<Vec<_>>();
    dead_first.swap(0, dying);
    let another = start(&dead_first.join(",")).await;
    another.ready().await;
    ids.insert(another.ask(post(POST)).await.created_id());
    cluster.servers[dying].restart().await.unwrap();
    eventually("all partitions take posts again", async || accepted_or_rejected_at_once(&apart).await == Some(30))
        .await;
    let records_of_bulk = records(&brokers, &unreplicated).await.into_iter().filter(|record| record.value != POST);
    let stored_of_bulk: HashMap<String, String> = records_of_bulk.map(|record| (record.key, record.value)).collect();
    assert_eq!(stored_of_bulk, accepted_in_bulk, "what is answered as away is not stored");

    let frozen = cluster.leader(&topic).await;
    let freeze = async {
        cluster.servers[frozen].pause().unwrap();
        let others: Vec<String> = cluster
            .servers
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != frozen)
            .map(|(_, s)| s.address())
            .collect();
        eventually("another leader", async || {
            leader(&others.join(","), &topic).await.is_some_and(|leader| leader as usize - 1 != frozen)
        })
        .await;
    };
    ids.extend(posts_during(&producer, freeze).await);
    cluster.servers[frozen].resume().unwrap();

    // Last, because nothing after it needs this broker again.
    let stopping = cluster.leader(&topic).await;
    ids.extend(posts_during(&producer, async { cluster.servers[stopping].stop().await.unwrap() }).await);

    let found: HashSet<String> = records(&brokers, &topic).await.into_iter().map(|record| record.key).collect();
    let missing: Vec<&String> = ids.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
