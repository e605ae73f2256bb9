//! A topic whose `max.message.bytes` is less than the publisher's batches.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka::Cluster;
use kafka::publish::{Fate, PublishError, Record};
use kafka::topics::{Admin, TopicSettings};

use crate::ordered::{Ordered, found, record};
use crate::world::{DEADLINE, World, wait_until};

const LARGEST: usize = 20_000;

async fn world() -> World {
    let world = World::at(stack::shared().await.kafka_broker());
    let admin = Admin::new(&Cluster::plaintext(&world.broker), "test", DEADLINE).unwrap();
    let configs = vec![("max.message.bytes".to_owned(), LARGEST.to_string())];
    assert!(admin.create(&world.topic, &TopicSettings { partitions: 1, replication: 1, configs }).await.unwrap());
    world
}

/// A record of about this many bytes.
fn of_size(number: u64, bytes: usize) -> Record {
    let record = record("key", number);
    Record { value: format!("{number:0bytes$}").into_bytes(), ..record }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_small_enough_go_in_smaller_batches_and_in_order() {
    /// Enough for several batches at the same time.
    const BULK: u64 = 8_000;

    let world = world().await;
    let ordered = Ordered::start(&world, |config| config.linger = Duration::from_millis(20));
    ordered.ready().await;
    let (mut first, mut acknowledged, mut unknown) = (0, Vec::new(), BTreeSet::new());
    for _ in 0..100 {
        let numbers = first..first + BULK;
        first += BULK;
        let fates = match ordered.publisher.publish_bulk(numbers.clone().map(|n| of_size(n, 200)).collect()).await {
            Ok(fates) => fates,
            Err(PublishError::Away) => continue,
            Err(error) => panic!("{error}"),
        };
        let have =
            |fate| numbers.clone().zip(&fates).filter(move |(_, other)| **other == fate).map(|(number, _)| number);
        acknowledged.extend(have(Fate::Acknowledged));
        unknown.extend(have(Fate::Unknown));
        if fates.iter().all(|fate| *fate == Fate::Acknowledged) {
            break;
        }
    }
    assert!(acknowledged.ends_with(&(first - BULK..first).collect::<Vec<_>>()), "no bulk has got through");
    assert!(unknown.is_empty(), "what is refused is not stored: {unknown:?}");
    let stored: Vec<u64> = found(&world).iter().map(super::Found::number).collect();
    assert_eq!(stored, acknowledged);
    let metrics = ordered.registry.render();
    assert!(
        metrics.contains("ingest_produce_clients_replaced_total{kind=\"record\"} 0\n"),
        "none has ended: {metrics}"
    );
    ordered.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_alone_is_too_large() {
    let world = world().await;
    let ordered = Ordered::start(&world, |_| {});
    ordered.ready().await;
    for bytes in [LARGEST - 1, 2 * LARGEST] {
        wait_until("it is known to be too large", async || {
            match ordered.publisher.publish(of_size(1, bytes)).await {
                Err(PublishError::TooLarge) => true,
                // It may have had company, as far as anybody knows.
                Err(PublishError::Away) => false,
                published => panic!("{published:?}"),
            }
        })
        .await;
    }
    let bulk = vec![of_size(2, 100), of_size(3, 2 * LARGEST), of_size(4, 100)];
    let fates = ordered.publisher.publish_bulk(bulk).await;
    assert_eq!(fates, Ok(vec![Fate::Acknowledged, Fate::TooLarge, Fate::Acknowledged]));
    assert_eq!(found(&world).iter().map(super::Found::number).collect::<Vec<_>>(), [2, 4]);
    ordered.close().await;
}
