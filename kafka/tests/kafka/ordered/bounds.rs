//! What an ordered publisher says when it can take no more, and when Kafka is away: at once, or when the time is over.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use kafka::publish::Fate;
use kafka::publish::PublishError::{Away, Full, Unacknowledged};
use stack::environment;
use stack::kafka::BrokerOptions;

use crate::ordered::{Ordered, found, record};
use crate::world::{World, wait_until};

/// Room for this many records.
const ROOM: usize = 4;

/// Waits until a record is rejected without waiting, because Kafka is away.
async fn away_at_once(ordered: &Ordered) {
    wait_until("Kafka is known to be away", async || {
        ordered.publisher.publish(record("probe", 0)).now_or_never() == Some(Err(Away))
    })
    .await;
    assert_eq!(ordered.publisher.publish_bulk(vec![record("probe", 0)]).now_or_never(), Some(Err(Away)));
    let why = ordered.readiness.check().unwrap_err();
    assert!(why.starts_with("kafka: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_waits_for_nothing() {
    let mut broker = stack::kafka::start(&BrokerOptions::default(), environment).await.unwrap();
    let world = World::at(&broker.address());
    let ordered = Ordered::start(&world, |config| {
        (config.partitions, config.max_in_flight, config.timeout) = (1, ROOM, Duration::from_secs(2));
    });
    ordered.ready().await;
    let mut acknowledged = vec![ordered.publish_until_acknowledged("key", 1..100).await];

    broker.pause().unwrap();
    let waiting: Vec<_> = (100..)
        .take(ROOM)
        .map(|number| {
            let publisher = ordered.publisher.clone();
            tokio::spawn(async move { publisher.publish(record("key", number)).await })
        })
        .collect();
    wait_until("there is no room", async || ordered.publisher.in_flight() == ROOM).await;
    assert_eq!(ordered.publisher.publish(record("key", 0)).now_or_never(), Some(Err(Full)));
    {
        let mut bulk = pin!(ordered.publisher.publish_bulk(vec![record("key", 0)]));
        assert!(bulk.as_mut().now_or_never().is_none(), "a bulk waits for room");
        assert_eq!(ordered.publisher.in_flight(), ROOM);
        // Those in flight are given up at about its own deadline: it finds no room, or room without an answer.
        let ended = bulk.await;
        assert!(matches!(ended, Err(Full | Unacknowledged)), "{ended:?}");
    }
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), Err(Unacknowledged));
    }
    away_at_once(&ordered).await;
    wait_until("there is room again", async || ordered.publisher.in_flight() == 0).await;

    broker.resume().unwrap();
    ordered.ready().await;
    acknowledged.push(ordered.publish_until_acknowledged("key", 200..300).await);
    let more_than_fit = (0..=ROOM as u64).map(|number| record("key", number)).collect();
    let fates = ordered.publisher.publish_bulk(more_than_fit).await.unwrap();
    assert!(fates.iter().all(|fate| *fate == Fate::Acknowledged), "{fates:?}");

    broker.stop().await.unwrap();
    away_at_once(&ordered).await;
    broker.restart().await.unwrap();
    ordered.ready().await;
    acknowledged.push(ordered.publish_until_acknowledged("key", 300..400).await);

    let stored: Vec<u64> = found(&world).iter().map(super::Found::number).collect();
    assert!(acknowledged.iter().all(|number| stored.contains(number)), "{acknowledged:?} in {stored:?}");
    ordered.close().await;
}
