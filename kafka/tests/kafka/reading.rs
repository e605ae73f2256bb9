//! Reads of ranges whose last offset does not come, now or ever.

use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use tokio::task::JoinHandle;

use crate::ordered::reader;
use crate::world::{DEADLINE, World, wait_until};

/// Longer than librdkafka takes to notice that nothing more is there.
const A_WHILE: Duration = Duration::from_secs(3);

type Read = Arc<Mutex<Vec<i64>>>;

/// Reads these offsets of the only partition. Returns those that it has read so far.
fn start(world: &World, offsets: Range<i64>) -> (Read, JoinHandle<anyhow::Result<Option<()>>>) {
    let (reader, topic, read) = (reader(world), world.topic.clone(), Read::default());
    let kept = Arc::clone(&read);
    let reading = tokio::task::spawn_blocking(move || {
        reader.read(&topic, &[(0, offsets)], |record| {
            kept.lock().unwrap().push(record.offset());
            ControlFlow::Continue(())
        })
    });
    (read, reading)
}

/// As with a new leader, which for a moment shows less than it has.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_ends_too_early_is_read_on() {
    let world = World::new(1).await;
    world.send(0, 10).await;
    let (read, mut reading) = start(&world, 0..12);
    wait_until("the first are read", async || read.lock().unwrap().len() == 10).await;
    assert!(tokio::time::timeout(A_WHILE, &mut reading).await.is_err(), "it waits for the others");
    world.send(0, 2).await;
    tokio::time::timeout(DEADLINE, reading).await.unwrap().unwrap().unwrap();
    assert_eq!(*read.lock().unwrap(), (0..12).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_at_the_end_ends_a_read() {
    let world = World::new(1).await;
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &world.broker).set("transactional.id", &world.topic);
    let producer: FutureProducer = client.create().unwrap();
    let (topic, end) = (world.topic.clone(), producer.clone());
    tokio::task::spawn_blocking(move || {
        end.init_transactions(DEADLINE).unwrap();
        end.begin_transaction().unwrap();
    })
    .await
    .unwrap();
    let record = FutureRecord::<[u8], [u8]>::to(&topic).partition(0).payload(b"x");
    producer.send(record, DEADLINE).await.unwrap();
    tokio::task::spawn_blocking(move || producer.commit_transaction(DEADLINE).unwrap()).await.unwrap();
    // Kafka's own mark of the transaction's end has an offset, too, and comes a little later.
    let reader = reader(&world);
    let offsets = async || reader.offsets(&world.topic, 0).unwrap() == Some(0..2);
    wait_until("the transaction is over", offsets).await;
    let (read, reading) = start(&world, 0..2);
    tokio::time::timeout(DEADLINE, reading).await.unwrap().unwrap().unwrap();
    assert_eq!(*read.lock().unwrap(), [0]);
}
