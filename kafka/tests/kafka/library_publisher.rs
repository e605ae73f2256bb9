//! The publisher as a program has it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use kafka::Cluster;
use kafka::publish::{Acknowledged, PublishError, Publisher, PublisherOptions, SendError};

use crate::ordered::found;
use crate::world::World;

/// A slow broker on a busy machine is not what these tests are about.
const TIMEOUT: Duration = Duration::from_secs(20);

async fn connect(world: &World, options: PublisherOptions) -> Publisher {
    let cluster = Cluster::plaintext(&world.broker);
    Publisher::connect(PublisherOptions { cluster, timeout: TIMEOUT, ..options }).await.unwrap()
}

/// Both ways to publish.
fn both() -> [PublisherOptions; 2] {
    [PublisherOptions::batched(""), PublisherOptions::ordered("")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_where_its_acknowledgement_says_in_a_topic_that_was_missing() {
    for options in both() {
        let world = World::at(stack::shared().await.kafka_broker());
        let publisher = connect(&world, PublisherOptions { partitions: 3, ..options }).await;
        let bytes = publisher.send(&world.topic, "one", "plain").await.unwrap();
        let json = publisher.send_json(&world.topic, "two", &BTreeMap::from([("n", 1)])).await.unwrap();
        assert_eq!(publisher.check(), Ok(()));
        publisher.close().await.unwrap();
        let mut found = found(&world);
        found.sort_by(|one, other| one.key.cmp(&other.key));
        let place = |Acknowledged { partition, offset }| (partition, offset);
        let texts: Vec<_> = found.iter().map(|record| (record.place, &*record.key, &*record.value)).collect();
        assert_eq!(texts, [(place(bytes), "one", "plain"), (place(json), "two", r#"{"n":1}"#)]);
        assert_eq!(found[0].headers, []);
        assert_eq!(found[1].headers, [("content-type".to_owned(), "application/json".to_owned())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_for_every_record_and_takes_no_more() {
    for options in both() {
        let world = World::new(2).await;
        let publisher = connect(&world, PublisherOptions { linger: Duration::from_millis(300), ..options }).await;
        publisher.open(&world.topic).await.unwrap();
        // Few enough that tokio lets all of them be polled before the publisher is closed.
        let sends = (0..20).map(|n| publisher.send(&world.topic, format!("key-{n}"), n.to_string()));
        let (sent, closed) = tokio::join!(join_all(sends), publisher.clone().close());
        closed.unwrap();
        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
        assert_eq!(found(&world).len(), 20);
        let late = publisher.send(&world.topic, "late", "").await.unwrap_err();
        assert!(matches!(late, SendError::Closed) && !late.may_be_stored());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_ends_with_the_records_before_it() {
    for options in both() {
        let world = World::new(1).await;
        let publisher = connect(&world, PublisherOptions { linger: Duration::from_millis(300), ..options }).await;
        // Nobody waits for its answer, and its topic is not even reached yet.
        let sending = tokio::spawn({
            let (publisher, topic) = (publisher.clone(), world.topic.clone());
            async move { publisher.send(&topic, "key", "1").await }
        });
        tokio::task::yield_now().await;
        while publisher.in_flight() == 0 && !sending.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        publisher.flush().await;
        assert_eq!(publisher.in_flight(), 0);
        assert_eq!(found(&world).len(), 1);
        sending.await.unwrap().unwrap();
        publisher.close().await.unwrap();
    }
}

/// Records that come before the topic is reached wait for it together.
#[tokio::test(flavor = "multi_thread")]
async fn ordered_records_keep_their_order_from_the_first_one_on() {
    let world = World::at(stack::shared().await.kafka_broker());
    let publisher = connect(&world, PublisherOptions { partitions: 2, ..PublisherOptions::ordered("") }).await;
    let sends = (0..300).map(|n| publisher.send(&world.topic, format!("key-{}", n % 3), n.to_string()));
    assert!(join_all(sends).await.iter().all(Result::is_ok));
    publisher.close().await.unwrap();
    let mut numbers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for record in found(&world) {
        numbers.entry(record.key.clone()).or_default().push(record.number());
    }
    for (remainder, numbers) in (0..3).zip(numbers.values()) {
        assert_eq!(*numbers, (0..100).map(|n| 3 * n + remainder).collect::<Vec<u64>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_an_error_that_says_why() {
    let nobody = format!("127.0.0.1:{}", stack::free_port());
    let error = Publisher::connect(PublisherOptions::batched(&nobody)).await.err().unwrap();
    assert!(format!("{error:#}").contains(&nobody), "{error:#}");
    for options in both() {
        let world = World::at(stack::shared().await.kafka_broker());
        let publisher = connect(&world, PublisherOptions { replication: 9, ..options }).await;
        assert_eq!(publisher.check(), Ok(()), "nothing is asked of it");
        let error = tokio::time::timeout(2 * TIMEOUT, publisher.send(&world.topic, "key", "value"));
        let error = error.await.expect("it waits no longer than the timeout").unwrap_err();
        assert!(matches!(&error, SendError::Publish { error: PublishError::Away, .. }), "{error:?}");
        assert!(error.to_string().contains("cannot create the topic") && !error.may_be_stored(), "{error}");
        let why = publisher.check().unwrap_err();
        assert!(why.starts_with(&format!("{}: kafka: ", world.topic)), "{why}");
        publisher.close().await.unwrap();
    }
}
