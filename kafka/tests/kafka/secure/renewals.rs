//! Sessions that end, and passwords that change, while records go in and out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka::cluster::{Mechanism, Sasl};
use kafka::{Answer, Cluster, ConsumerRecord, Group, GroupOptions, Publisher, PublisherOptions, each};
use service::secrets::Secret;
use stack::kafka::secure::tokens::TokenEndpoint;
use stack::kafka::secure::{SecureBroker, password};
use tokio::task::JoinSet;

use super::{Place, at, tls, ways};
use crate::world::{DEADLINE, wait_until};

/// Longer than two of the broker's sessions.
const SESSIONS: Duration = Duration::from_secs(12);

/// A send that takes longer waits for something. Sends themselves take a few milliseconds.
const STALL: Duration = Duration::from_secs(2);

/// How long the file has the former password after Kafka has the new one.
/// Most sessions end meanwhile, and cannot be renewed.
const FILE_LATE: Duration = Duration::from_secs(4);

/// How long records may wait.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than one of the broker's sessions, so that all end that began with the former password.
const SESSION: Duration = Duration::from_millis(5_500);

/// What became of the records of one sender.
#[derive(Debug)]
struct Sent {
    count: u64,
    /// The longest time that one took.
    longest: Duration,
    /// How many tries failed. They were made again, as clients do.
    failed: u64,
}

/// Publishers in any order and in order, and a group, on one topic.
struct Traffic {
    place: Place,
    stop: Arc<AtomicBool>,
    senders: JoinSet<Sent>,
    group: Group,
    /// Each value, and the record's time.
    read: Arc<Mutex<Vec<(String, i64)>>>,
}

impl Traffic {
    async fn start(broker: &SecureBroker, cluster: &Cluster) -> Self {
        let (place, stop, mut senders) = (Place::new(), Arc::new(AtomicBool::new(false)), JoinSet::new());
        place.open(broker).await;
        for (name, options) in [("any", PublisherOptions::batched("")), ("ordered", PublisherOptions::ordered(""))] {
            let publisher =
                Publisher::connect(PublisherOptions { cluster: cluster.clone(), timeout: TIMEOUT, ..options })
                    .await
                    .unwrap();
            wait_until("the topic is open", async || publisher.open(&place.topic).await.is_ok()).await;
            senders.spawn(send(name, publisher, place.topic.clone(), Arc::clone(&stop)));
        }
        let read = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&read);
        let handler = each(move |record: ConsumerRecord| {
            let value = String::from_utf8(record.value().unwrap().to_vec()).unwrap();
            kept.lock().unwrap().push((value, record.timestamp_ms()));
            async { Answer::Stored }
        });
        let options = GroupOptions { cluster: cluster.clone(), ..GroupOptions::new("", &place.topic) };
        let group = Group::start(options, &[&place.topic], handler).unwrap();
        Self { place, stop, senders, group, read }
    }

    /// Every record that was sent was acknowledged, and comes out with its own time. Returns how the senders fared.
    async fn end(self, what: &str) -> Vec<Sent> {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.senders.join_all().await;
        let sent: u64 = ended.iter().map(|sent| sent.count).sum();
        let (read, has_failed) = (self.read, ended.iter().any(|sent| sent.failed > 0));
        wait_until(what, async || {
            let mut read = read.lock().unwrap().clone();
            read.sort();
            read.dedup();
            read.len() as u64 == sent
        })
        .await;
        for (value, timestamp_ms) in &*read.lock().unwrap() {
            let sent_ms: i64 = value.rsplit_once(' ').unwrap().1.parse().unwrap();
            assert!(has_failed || timestamp_ms.abs_diff(sent_ms) < 1_000, "{value} has the time {timestamp_ms}");
        }
        assert_eq!(self.group.check(), Ok(()), "{what}: {}", self.place.topic);
        self.group.stop().await.unwrap();
        ended
    }
}

/// Sends one record after the other until the stop, each until it is acknowledged.
async fn send(name: &str, publisher: Publisher, topic: String, stop: Arc<AtomicBool>) -> Sent {
    let mut sent = Sent { count: 0, longest: Duration::ZERO, failed: 0 };
    while !stop.load(Ordering::Relaxed) {
        let start = Instant::now();
        let value = format!("{name} {} {}", sent.count, now_ms());
        while publisher.send(&topic, "key", value.clone()).await.is_err() {
            sent.failed += 1;
            assert!(start.elapsed() < DEADLINE, "{name} {} cannot be sent", sent.count);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        sent.longest = sent.longest.max(start.elapsed());
        sent.count += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    publisher.close().await.unwrap();
    sent
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

/// Records go in and out while sessions end. Returns the senders that failed or waited.
async fn of_sessions(broker: &SecureBroker, tokens: &TokenEndpoint) -> Vec<String> {
    let mut running = Vec::new();
    for (name, cluster) in ways(broker, tokens).await {
        // The other ways have no sessions.
        if matches!(name, "SCRAM-SHA-512" | "OAUTHBEARER") {
            running.push((name, Traffic::start(broker, &cluster).await));
        }
    }
    tokio::time::sleep(SESSIONS).await;
    let mut disturbed = Vec::new();
    for (name, traffic) in running {
        let ended = traffic.end(name).await.into_iter();
        let ended = ended.filter(|sent| sent.count < 100 || sent.failed > 0 || sent.longest > STALL);
        disturbed.extend(ended.map(|sent| format!("{name}: {sent:?}")));
    }
    disturbed
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_cost_no_record_and_no_time() {
    let (broker, tokens) = (super::broker().await, TokenEndpoint::start().await.unwrap());
    // What is wrong with sessions shows each time; that the machine has other work does not.
    for attempt in 1.. {
        let disturbed = of_sessions(broker, &tokens).await;
        if disturbed.is_empty() {
            break;
        }
        assert!(attempt < 3, "{disturbed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes_lets_no_request_fail() {
    // Of its own, because it changes the user's password.
    let broker = SecureBroker::start(&[super::USER]).await.unwrap();
    let file = broker.file("password", &password(super::USER)).unwrap();
    let sasl = Sasl::Password {
        mechanism: Mechanism::ScramSha512,
        username: super::USER.to_owned(),
        password: Secret::file(&file),
    };
    let traffic = Traffic::start(&broker, &at(broker.users(), tls(&broker.ca), Some(sasl))).await;
    for password in ["another", "yet another"] {
        broker.change_password(super::USER, password).await.unwrap();
        tokio::time::sleep(FILE_LATE).await;
        std::fs::write(&file, format!("{password}\n")).unwrap();
        tokio::time::sleep(SESSION).await;
    }
    let ended = traffic.end("another password").await;
    assert!(ended.iter().all(|sent| sent.count > 100 && sent.failed == 0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_wrong_by_now_is_named_though_no_session_ends() {
    let (broker, place) = (super::broker().await, Place::new());
    place.open(broker).await;
    let file = broker.file("wrong-by-now", &password(super::USER)).unwrap();
    let sasl = Sasl::Password {
        // The broker ends no session of this mechanism.
        mechanism: Mechanism::Plain,
        username: super::USER.to_owned(),
        password: Secret::file(&file),
    };
    let cluster = at(broker.users(), tls(&broker.ca), Some(sasl));
    let options = PublisherOptions { cluster, ..PublisherOptions::ordered("") };
    let publisher = Publisher::connect(options).await.unwrap();
    wait_until("the topic is open", async || publisher.open(&place.topic).await.is_ok()).await;
    publisher.send(&place.topic, "key", "first").await.unwrap();
    std::fs::write(&file, "wrong").unwrap();
    let named = "does not accept this user";
    wait_until(named, async || publisher.check().is_err_and(|said| said.contains(named))).await;
    std::fs::write(&file, password(super::USER)).unwrap();
    wait_until("it is ready again", async || publisher.check().is_ok()).await;
    publisher.send(&place.topic, "key", "second").await.unwrap();
    publisher.close().await.unwrap();
}
