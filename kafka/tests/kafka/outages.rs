//! A broker freezes: the lag that is shown neither goes away nor looks fine.

use std::time::{Duration, Instant};

use stack::environment;
use stack::kafka::BrokerOptions;

use crate::running::Running;
use crate::world::{DEADLINE, World};

/// Longest wait until there is no lag once the broker is back: the sum of the waits that may follow each other on a
/// busy machine. A join is answered once the previous members have joined again or are expelled, after at most
/// `max.poll.interval.ms` (60 s). The first commit waits for an answer (5 s). librdkafka tries a commit three times,
/// each for `socket.timeout.ms` (10 s), before it reports anything; the member tries again a second later. The rest is
/// for the requests in between.
const BACK_TO_NORMAL: Duration = Duration::from_secs(60 + 5 + 3 * 10 + 1 + 24);

#[tokio::test(flavor = "multi_thread")]
async fn lag_and_its_age_stay_while_the_broker_is_frozen_and_are_nothing_afterwards() {
    let broker = stack::kafka::start(&BrokerOptions::default(), environment).await.unwrap();
    let world = World::at(&broker.address());
    world.create_topic(2).await;
    let running = Running::start(world.group());
    world.send(0, 10).await;
    for partition in [0, 1] {
        running.wait_until_caught_up(partition).await;
    }
    running.wait_for_ready().await;

    broker.pause().unwrap();
    let frozen = Instant::now();
    loop {
        let lags = [0, 1].map(|partition| running.lag(partition).expect("lag and age are there"));
        let is_reported = running.readiness.check().is_err_and(|why| why.contains("kafka: "));
        // Longer than the session, so that the member has lost its partitions in between.
        if is_reported && lags.iter().all(|(_, age)| *age > 8.0) {
            break;
        }
        assert!(frozen.elapsed() < DEADLINE, "not reported in time: {lags:?}, {:?}", running.readiness.check());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    broker.resume().unwrap();
    world.send(0, 10).await;
    let resumed = Instant::now();
    loop {
        let (lags, stored) = ([0, 1].map(|partition| running.lag(partition)), running.stored_of(0).len());
        if stored == 20 && lags == [Some((0.0, 0.0)); 2] {
            break;
        }
        let check = running.readiness.check();
        assert!(resumed.elapsed() < BACK_TO_NORMAL, "not back to normal: {lags:?}, {stored} stored, {check:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    running.wait_for_ready().await;
    running.stop().await;
}
