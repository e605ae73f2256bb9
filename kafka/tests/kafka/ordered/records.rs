//! What an ordered publisher writes, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use contract::TraceContext;
use kafka::Cluster;
use kafka::publish::{Fate, PublishError};
use kafka::topics::{Outgoing, Sender};

use crate::ordered::{Ordered, found, reader, record};
use crate::world::{World, wait_until};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_where_its_key_belongs_and_as_it_was_sent() {
    let world = World::at(stack::shared().await.kafka_broker());
    let ordered = Ordered::start(&world, |_| {});
    ordered.ready().await;
    assert_eq!(reader(&world).partitions(&world.topic).unwrap().len(), 3, "it creates the topic");

    // librdkafka's own rule for keys is that of all of Kafka's clients.
    let sender = Sender::new(&Cluster::plaintext(&world.broker), "test").unwrap();
    let an_hour_ago_ms = record("", 0).timestamp_ms - 3_600_000;
    let (mut published, mut partitions) = (BTreeMap::new(), BTreeSet::new());
    for number in 0..30 {
        let key = format!("key-{number}");
        let sent = Outgoing { topic: &world.topic, key: key.as_bytes(), value: Some(b"0"), ..Outgoing::default() };
        let (expected, _) = sender.send(sent).unwrap().acknowledged().await.unwrap();
        let mut record = record(&key, number);
        record.timestamp_ms = an_hour_ago_ms;
        record.trace = (number == 7).then(|| TraceContext::parse(TRACEPARENT.as_bytes()).unwrap());
        let place = ordered.publisher.publish(record).await.unwrap();
        assert_eq!(place.0, expected, "{key}");
        partitions.insert(place.0);
        published.insert(place, (key, number));
    }
    assert_eq!(partitions, BTreeSet::from([0, 1, 2]));
    for found in found(&world) {
        let Some((key, number)) = published.remove(&found.place) else { continue };
        assert_eq!((&found.key, found.number()), (&key, number));
        assert_eq!(found.timestamp_ms, Some(an_hour_ago_ms));
        let content_type = ("content-type".to_owned(), "application/json".to_owned());
        let trace = (number == 7).then(|| ("traceparent".to_owned(), TRACEPARENT.to_owned()));
        assert_eq!(found.headers, [content_type].into_iter().chain(trace).collect::<Vec<_>>());
    }
    assert!(published.is_empty(), "{published:?}");
    wait_until("the metrics show the end offsets", async || {
        let ends: i64 = ordered.publisher.end_offsets().lock().unwrap().values().sum();
        ends == 60 && ordered.registry.render().contains("kafka_topic_partition_current_offset{")
    })
    .await;
    ordered.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_for_what_is_in_flight_and_takes_no_more() {
    let world = World::new(1).await;
    // Nothing is sent before the end of the linger time.
    let ordered = Ordered::start(&world, |config| config.linger = Duration::from_secs(2));
    ordered.ready().await;
    let single = {
        let publisher = ordered.publisher.clone();
        tokio::spawn(async move { publisher.publish(record("a", 0)).await })
    };
    let bulk = {
        let publisher = ordered.publisher.clone();
        tokio::spawn(async move { publisher.publish_bulk((0..9).map(|number| record("b", number)).collect()).await })
    };
    wait_until("all are in flight", async || ordered.publisher.in_flight() == 10).await;
    ordered.close().await;
    single.await.unwrap().unwrap();
    assert_eq!(bulk.await.unwrap().unwrap(), [Fate::Acknowledged; 9]);
    assert_eq!(ordered.publisher.in_flight(), 0);
    assert_eq!(ordered.publish("a", 1).await, Err(PublishError::Away));
    assert_eq!(ordered.publisher.publish_bulk(vec![record("a", 1)]).await, Err(PublishError::Away));
    assert_eq!(found(&world).len(), 10);
}
