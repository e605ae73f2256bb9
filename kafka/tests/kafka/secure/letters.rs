//! Renewals of what Kafka asks for while a member has something in hand.

use std::path::Path;
use std::sync::{Arc, Mutex};

use kafka::cluster::{Identity, Mechanism, Sasl, Tls};
use kafka::group::GroupConfig;
use kafka::{Answer, Cluster, ConsumerRecord, Group, GroupOptions, each};
use service::secrets::Secret;
use stack::access::{Resource, WRITE};
use stack::kafka::secure::{SecureBroker, password};
use tokio::sync::Semaphore;

use super::{Place, USER, at, tls};
use crate::ordered::reader;
use crate::running::Running;
use crate::world::{DEADLINE, World, wait_until};

/// The record that is a dead letter.
const REJECTED: i64 = 1;

/// A topic of the broker, on which the user may do everything that it needs.
async fn open(broker: &SecureBroker) -> (World, Place) {
    let world = World::at(&broker.server.address());
    world.create_topic(1).await;
    let place = Place { topic: world.topic.clone() };
    place.open(broker).await;
    (world, place)
}

/// The user with a password in this file.
fn with_file(broker: &SecureBroker, mechanism: Mechanism, file: &Path) -> Cluster {
    let sasl = Sasl::Password { mechanism, username: USER.to_owned(), password: Secret::file(file) };
    at(broker.users(), tls(&broker.ca), Some(sasl))
}

/// A member that gives up nothing before these tests are over.
fn patient(cluster: Cluster, group: &str) -> GroupOptions {
    let (revoke_timeout, session_timeout) = (2 * DEADLINE, 3 * DEADLINE);
    GroupOptions { cluster, revoke_timeout, session_timeout, ..GroupOptions::new("", group) }
}

/// A group that stores all records but one.
struct Rejecting {
    group: Group,
    /// The offsets that it was given.
    given: Arc<Mutex<Vec<i64>>>,
    /// The rejected record is answered once there is one.
    permits: Arc<Semaphore>,
}

impl Rejecting {
    fn start(options: GroupOptions, topic: &str) -> Self {
        let (given, permits) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
        let (kept, asked) = (Arc::clone(&given), Arc::clone(&permits));
        let handler = each(move |record: ConsumerRecord| {
            kept.lock().unwrap().push(record.offset());
            let asked = Arc::clone(&asked);
            async move {
                if record.offset() != REJECTED {
                    return Answer::Stored;
                }
                // It goes back, so the record may come again.
                drop(asked.acquire().await.unwrap());
                Answer::Rejected("the test wants it".to_owned())
            }
        });
        Self { group: Group::start(options, &[topic], handler).unwrap(), given, permits }
    }

    fn given(&self) -> Vec<i64> {
        self.given.lock().unwrap().clone()
    }

    async fn wait_for(&self, offset: i64) {
        wait_until(&format!("{offset} is given"), async || self.given().contains(&offset)).await;
    }

    async fn wait_until_letters_fail(&self) {
        let said = "Kafka does not take dead letters";
        wait_until(said, async || self.group.check().is_err_and(|why| why.contains(said))).await;
    }

    /// The letter is sent, and all comes once.
    async fn goes_on(self, world: &World) {
        wait_until("the dead letter is there", async || letters(world) == 1).await;
        world.send(0, 1).await;
        wait_until("all is committed", async || world.committed(&[0])[&0] == Some(3)).await;
        assert_eq!((self.given(), letters(world)), (vec![0, 1, 2], 1));
        wait_until("it is at work", async || self.group.check().is_ok()).await;
        self.group.stop().await.unwrap();
    }
}

/// How many dead letters there are.
fn letters(world: &World) -> i64 {
    let ends = reader(world).all_offsets(&format!("{}.dlq", world.topic)).unwrap();
    ends.iter().map(|(_, offsets)| offsets.end).sum()
}

/// As after a change in Kafka: the member's own connections live on, and those of its dead letters never begin.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_waits_is_sent_with_the_password_that_its_file_has_by_now() {
    let broker = super::broker().await;
    let (world, place) = open(broker).await;
    let file = broker.file(&place.topic, &password(USER)).unwrap();
    let cluster = with_file(broker, Mechanism::Plain, &file);
    let rejecting = Rejecting::start(patient(cluster, &place.topic), &place.topic);
    world.send(0, 2).await;
    rejecting.wait_for(REJECTED).await;
    std::fs::write(&file, "wrong").unwrap();
    rejecting.permits.add_permits(1);
    rejecting.wait_until_letters_fail().await;
    std::fs::write(&file, password(USER)).unwrap();
    rejecting.goes_on(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_waits_is_sent_with_the_certificate_that_its_file_has_by_now() {
    let broker = super::broker().await;
    let (world, place) = open(broker).await;
    let (former, next) = (format!("former-{}", place.topic), format!("next-{}", place.topic));
    for name in [&former, &next] {
        place.open_for(name, broker).await;
    }
    let [at_first, later] = [&former, &next].map(|name| broker.client_certificate(name).unwrap());
    let identity = Identity { certificate: at_first.certificate.clone(), key: at_first.key.clone() };
    let cluster = at(broker.mutual(), Some(Tls { ca: Some(broker.ca.clone()), identity: Some(identity) }), None);
    let rejecting = Rejecting::start(patient(cluster, &place.topic), &place.topic);
    rejecting.permits.add_permits(1);
    world.send(0, 1).await;
    rejecting.wait_for(0).await;
    broker.withdraw(&former, Resource::Topic(&format!("{}.dlq", place.topic)), WRITE).await.unwrap();
    world.send(0, 1).await;
    rejecting.wait_until_letters_fail().await;
    std::fs::copy(&later.certificate, &at_first.certificate).unwrap();
    std::fs::copy(&later.key, &at_first.key).unwrap();
    rejecting.goes_on(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_holds_up_no_renewal() {
    let broker = super::broker().await;
    let (world, place) = open(broker).await;
    let file = broker.file(&place.topic, &password(USER)).unwrap();
    let cluster = with_file(broker, Mechanism::Plain, &file);
    // Longer than the wait for anything here: the next member gets the partition in time only if this one leaves.
    let session_timeout = 2 * DEADLINE;
    let running = Running::held_up(GroupConfig { cluster, session_timeout, ..world.group() });
    world.send(0, 1).await;
    running.wait_for_unready("flush: not now").await;
    let assigned = "ingest_rebalances_total{kind=\"record\",change=\"assigned\"}";
    running.wait_for_metric(assigned, 1.0).await;
    // The same password, but another file.
    std::fs::write(&file, format!("{}\n", password(USER))).unwrap();
    running.wait_for_metric(assigned, 2.0).await;
    running.wait_for_unready("flush: not now").await;
    running.relent();
    running.wait_until_caught_up(0).await;
    assert_eq!(running.stored_of(0), [0]);
    running.wait_for_metric("ingest_buffered_bytes{kind=\"record\"}", 0.0).await;
    running.wait_for_ready().await;
    running.stop().await;
}
