//! The order of a key's records, while the broker pauses for less than a record may wait, and for longer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kafka::publish::{Fate, PublishError};
use stack::environment;
use stack::kafka::BrokerOptions;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ordered::writers::Writers;
use crate::ordered::{Ordered, found, record};
use crate::world::{World, wait_until};

/// Sends bulks with twenty records of each of five keys until `stop`; returns what is acknowledged, in order.
async fn send_bulks(
    ordered: Arc<Ordered>,
    writer: usize,
    bulks: Arc<AtomicUsize>,
    stop: CancellationToken,
) -> Vec<(String, u64)> {
    let (mut acknowledged, mut first) = (Vec::new(), 0);
    while !stop.is_cancelled() {
        let numbers = first..first + 20;
        let sent: Vec<(String, u64)> =
            numbers.flat_map(|number| (0..5).map(move |key| (format!("key-{writer}-{key}"), number))).collect();
        let records = sent.iter().map(|(key, number)| record(key, *number)).collect();
        match ordered.publisher.publish_bulk(records).await {
            Ok(fates) => {
                assert!(!fates.contains(&Fate::Unknown), "the pause is shorter than a record may wait");
                let fates = sent.into_iter().zip(fates);
                acknowledged.extend(fates.filter(|(_, fate)| *fate == Fate::Acknowledged).map(|(record, _)| record));
                bulks.fetch_add(1, Ordering::Relaxed);
            }
            Err(PublishError::Away) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error:?}"),
        }
        first += 20;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_after_a_pause_is_there_once_and_in_order() {
    const WRITERS: usize = 8;
    /// A request without an answer is given up after half of the first, and sent again.
    const TIMEOUT_AND_PAUSE: (Duration, Duration) = (Duration::from_secs(24), Duration::from_secs(14));

    let broker = stack::kafka::start(&BrokerOptions::default(), environment).await.unwrap();
    let world = World::at(&broker.address());
    let ordered = Arc::new(Ordered::start(&world, |config| config.timeout = TIMEOUT_AND_PAUSE.0));
    ordered.ready().await;
    let (bulks, stop, mut writers) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new(), JoinSet::new());
    for writer in 0..WRITERS {
        writers.spawn(send_bulks(Arc::clone(&ordered), writer, Arc::clone(&bulks), stop.clone()));
    }
    let some_more = async || {
        let enough = bulks.load(Ordering::Relaxed) + 5 * WRITERS;
        wait_until("bulks are acknowledged", async || bulks.load(Ordering::Relaxed) >= enough).await;
    };
    some_more().await;
    broker.pause().unwrap();
    tokio::time::sleep(TIMEOUT_AND_PAUSE.1).await;
    broker.resume().unwrap();
    some_more().await;
    stop.cancel();

    let (mut acknowledged, mut stored) = (BTreeMap::<String, Vec<u64>>::new(), BTreeMap::<String, Vec<u64>>::new());
    for (key, number) in writers.join_all().await.into_iter().flatten() {
        acknowledged.entry(key).or_default().push(number);
    }
    for found in found(&world) {
        stored.entry(found.key.clone()).or_default().push(found.number());
    }
    assert_eq!(acknowledged.len(), 5 * WRITERS);
    assert_eq!(stored, acknowledged);
    ordered.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_frozen_for_longer_than_a_record_may_wait_changes_no_order() {
    const WRITERS: usize = 20;

    let broker = stack::kafka::start(&BrokerOptions::default(), environment).await.unwrap();
    let world = World::at(&broker.address());
    let ordered = Arc::new(Ordered::start(&world, |config| config.timeout = Duration::from_secs(2)));
    ordered.ready().await;
    let writers = Writers::start(&ordered, WRITERS);
    for _ in 0..2 {
        writers.go_on().await;
        let unknown = writers.unknown.load(Ordering::Relaxed);
        broker.pause().unwrap();
        wait_until("each writer has a record whose time is over", async || {
            writers.unknown.load(Ordering::Relaxed) >= unknown + WRITERS
        })
        .await;
        wait_until("Kafka is away, and nothing is in flight", async || {
            !ordered.publisher.is_available() && ordered.publisher.in_flight() == 0
        })
        .await;
        broker.resume().unwrap();
        ordered.ready().await;
    }
    writers.go_on().await;
    writers.judge(|| found(&world)).await;
    ordered.close().await;
}
