//! One of three brokers is gone, and with it the only replica of a partition. The other partitions must not suffer.

use std::time::{Duration, Instant};

use kafka::Cluster;
use kafka::topics::{Reader, ReaderConfig};
use rdkafka::consumer::Consumer;
use stack::kafka::{BrokerOptions, Voter};
use stack::{Server, environment, free_port};

use crate::plain::{join, poll_until};
use crate::running::Running;
use crate::world::{World, wait_until};

/// Each partition is on a broker of its own; this one's is killed.
const LEADERLESS: i32 = 2;

pub(crate) async fn brokers() -> [Server; 3] {
    let voters: Vec<Voter> = (1..=3).map(|node_id| Voter { node_id, port: free_port() }).collect();
    let start = async |node_id| {
        let options = BrokerOptions { node_id, voters: voters.clone(), ..BrokerOptions::default() };
        stack::kafka::start(&options, environment).await.unwrap()
    };
    // They are ready only when most of them run.
    tokio::join!(start(1), start(2), start(3)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_without_a_leader_disturbs_no_other() {
    let brokers = brokers().await;
    let world = World::at(&brokers.each_ref().map(Server::address).join(","));
    world.create_topic_on(&[1, 2, 3]).await;
    let running = Running::start(world.group());
    for partition in 0..3 {
        world.send(partition, 5).await;
        running.wait_until_caught_up(partition).await;
    }
    running.wait_for_ready().await;

    brokers[2].kill().await.unwrap();
    let reason = running.wait_for_unready("kafka: ").await;
    assert!(reason.contains("partition 2 does not answer") || reason.contains("among them 2"), "{reason}");
    for partition in 0..2 {
        world.send(partition, 5).await;
    }
    wait_until("the others' records are stored and committed", async || {
        (0..2).all(|partition| running.stored_of(partition).len() == 10 && running.lag(partition) == Some((0.0, 0.0)))
    })
    .await;
    // On a busy machine the answers about the others may come late as well, but only for a moment.
    wait_until("nothing shows anymore that it is caught up, as the others are", async || {
        let (lag, age) = running.lag(LEADERLESS).expect("lag and age are there");
        lag == 0.0 && age > 2.0 && (0..2).all(|partition| running.lag(partition).unwrap().1 == 0.0)
    })
    .await;
    running.wait_for_unready("1 of 3 partitions do not answer, among them 2").await;
    running.stop().await;
    a_reader_leaves_no_partition_out(&world);
    an_overview_shows_what_is_known(&world);
    watermarks_fail_for_it_alone(&world);
}

fn reader(world: &World) -> Reader {
    Reader::new(ReaderConfig {
        cluster: Cluster::plaintext(&world.broker),
        client_id: "test",
        group: world.topic.clone(),
        patience: Duration::from_secs(2),
        picks_records: false,
    })
    .unwrap()
}

fn an_overview_shows_what_is_known(world: &World) {
    let offsets: Vec<_> =
        reader(world).overview(&world.topic).unwrap().unwrap().into_iter().map(|partition| partition.offsets).collect();
    assert_eq!(offsets, [Some(0..10), Some(0..10), None]);
}

/// Otherwise a proof would pass over its records.
fn a_reader_leaves_no_partition_out(world: &World) {
    let reader = reader(world);
    assert_eq!(reader.partitions(&world.topic).unwrap().len(), 3);
    reader.all_offsets(&world.topic).unwrap_err();
    reader.progress(&world.topic).unwrap_err();
    for partition in 0..2 {
        assert_eq!(reader.offsets(&world.topic, partition).unwrap(), Some(0..10));
    }
}

/// An assumption about librdkafka.
fn watermarks_fail_for_it_alone(world: &World) {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let plain = join(&world.group(), &[]);
    poll_until("it holds all", &[&plain], || plain.context().held() == [0, 1, 2]);
    let started = Instant::now();
    plain.fetch_watermarks(&world.topic, LEADERLESS, TIMEOUT).unwrap_err();
    assert!(started.elapsed() < TIMEOUT + Duration::from_secs(1), "{:?}", started.elapsed());
    std::thread::scope(|scope| {
        scope.spawn(|| plain.fetch_watermarks(&world.topic, LEADERLESS, TIMEOUT).unwrap_err());
        let started = Instant::now();
        for partition in 0..2 {
            assert_eq!(plain.fetch_watermarks(&world.topic, partition, TIMEOUT).unwrap(), (0, 10));
        }
        assert!(started.elapsed() < TIMEOUT, "{:?}", started.elapsed());
    });
}
