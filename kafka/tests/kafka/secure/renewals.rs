//! Sessions that end, and passwords that change, while records go in and out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kafka::cluster::{Mechanism, Sasl};
use kafka::{Answer, Cluster, ConsumerRecord, Group, GroupOptions, Publisher, PublisherOptions, each};
use service::secrets::Secret;
use stack::kafka::secure::{SecureBroker, password};
use tokio::task::JoinSet;

use super::tokens::TokenEndpoint;
use super::{Place, at, tls, ways};
use crate::world::wait_until;

/// Longer than two of the broker's sessions.
const SESSIONS: Duration = Duration::from_secs(12);

/// A send that takes longer waits for something. Sends themselves take a few milliseconds.
const STALL: Duration = Duration::from_secs(2);

/// Publishers in any order and in order, and a group, on one topic.
struct Traffic {
    place: Place,
    stop: Arc<AtomicBool>,
    senders: JoinSet<(u64, Duration)>,
    group: Group,
    read: Arc<Mutex<Vec<String>>>,
}

impl Traffic {
    async fn start(broker: &SecureBroker, cluster: &Cluster) -> Self {
        let (place, stop, mut senders) = (Place::new(), Arc::new(AtomicBool::new(false)), JoinSet::new());
        place.open(broker).await;
        for (name, options) in [("any", PublisherOptions::batched("")), ("ordered", PublisherOptions::ordered(""))] {
            let publisher = Publisher::connect(PublisherOptions { cluster: cluster.clone(), ..options }).await.unwrap();
            publisher.open(&place.topic).await.unwrap();
            senders.spawn(send(name, publisher, place.topic.clone(), Arc::clone(&stop)));
        }
        let read = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&read);
        let handler = each(move |record: ConsumerRecord| {
            kept.lock().unwrap().push(String::from_utf8(record.value().unwrap().to_vec()).unwrap());
            async { Answer::Stored }
        });
        let options = GroupOptions { cluster: cluster.clone(), ..GroupOptions::new("", &place.topic) };
        let group = Group::start(options, &[&place.topic], handler).unwrap();
        Self { place, stop, senders, group, read }
    }

    /// Every record that was sent was acknowledged, in time, and comes out.
    async fn end(self, what: &str) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.senders.join_all().await;
        let sent: u64 = ended.iter().map(|(sent, _)| sent).sum();
        assert!(ended.iter().all(|(sent, longest)| *sent > 100 && *longest < STALL), "{what}: {ended:?}");
        let read = self.read;
        wait_until(what, async || {
            let mut read = read.lock().unwrap().clone();
            read.sort();
            read.dedup();
            read.len() as u64 == sent
        })
        .await;
        assert_eq!(self.group.check(), Ok(()), "{what}: {}", self.place.topic);
        self.group.stop().await.unwrap();
    }
}

/// Sends one record after the other until the stop. Returns how many, and the longest time that one took.
async fn send(name: &str, publisher: Publisher, topic: String, stop: Arc<AtomicBool>) -> (u64, Duration) {
    let (mut sent, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        publisher.send(&topic, "key", format!("{name} {sent}")).await.unwrap();
        longest = longest.max(start.elapsed());
        sent += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    publisher.close().await.unwrap();
    (sent, longest)
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_cost_no_record_and_no_time() {
    let (broker, tokens) = (super::broker().await, TokenEndpoint::start().await);
    let mut running = Vec::new();
    for (name, cluster) in ways(broker, &tokens).await {
        // The other ways have no sessions.
        if matches!(name, "SCRAM-SHA-512" | "OAUTHBEARER") {
            running.push((name, Traffic::start(broker, &cluster).await));
        }
    }
    tokio::time::sleep(SESSIONS).await;
    for (name, traffic) in running {
        traffic.end(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes_costs_no_record() {
    // Of its own, because it changes the user's password.
    let broker = SecureBroker::start(&[super::USER]).await.unwrap();
    let file = broker.file("password", &password(super::USER)).unwrap();
    let sasl = Sasl::Password {
        mechanism: Mechanism::ScramSha512,
        username: super::USER.to_owned(),
        password: Secret::file(&file),
    };
    let traffic = Traffic::start(&broker, &at(broker.users(), tls(&broker.ca), Some(sasl))).await;
    broker.change_password(super::USER, "another").await.unwrap();
    std::fs::write(&file, "another\n").unwrap();
    // Until all sessions by the old password have ended.
    tokio::time::sleep(SESSIONS).await;
    traffic.end("another password").await;
}
