//! `consumer offsets reset`: what it changes, what it refuses, and that what is read again is stored once.

use crate::administration::consumer;
use crate::order_world::State;
use crate::running::Running;
use crate::support::{World, all};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];

/// Resets the group of posts with these arguments, expects this exit code, and returns what was printed.
async fn reset(world: &World, code: i32, arguments: &[&str]) -> String {
    consumer(world, &[], code, &[&["offsets", "reset", "--kind", "post"], arguments].concat()).await
}

async fn groups(world: &World) -> String {
    consumer(world, &[], 0, &["groups"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_again_is_stored_once() {
    const POSTS: usize = 20;
    let world = World::new(2).await;
    world.send_posts(POSTS).await;
    let running = Running::start(world.config(&SOON)).await;
    let before = world.wait_for_documents(POSTS).await;
    for partition in [0, 1] {
        running.wait_for_metric(&world.lag(partition), 0.0).await;
    }
    let refused = reset(&world, 1, &["--to", "earliest"]).await;
    assert!(refused.contains("has members, so nothing is changed"), "{refused}");
    assert!(refused.contains("consumer at 127.0.0.1"), "{refused}");
    let dry = reset(&world, 0, &["--to", "earliest", "--dry-run"]).await;
    assert!(dry.contains("a run would be refused now: the group") && dry.contains("dry run: nothing was"), "{dry}");
    running.stop().await;

    let dry = reset(&world, 0, &["--to", "earliest", "--dry-run"]).await;
    assert!(dry.ends_with("dry run: nothing was changed; records read again: 20, skipped: 0\n"), "{dry}");
    assert!(groups(&world).await.contains("lag: 0\n"));
    let done = reset(&world, 0, &["--to", "earliest"]).await;
    assert!(done.ends_with("committed; records read again: 20, skipped: 0, lag: 20\n"), "{done}");
    assert!(groups(&world).await.contains("lag: 20\n"));

    let again = Running::start(world.config(&SOON)).await;
    again.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", POSTS as f64).await;
    for partition in [0, 1] {
        again.wait_for_metric(&world.lag(partition), 0.0).await;
    }
    again.stop().await;
    let sorted = |mut documents: Vec<bson::Document>| {
        documents.sort_by_key(ToString::to_string);
        documents
    };
    assert_eq!(sorted(all(&world.posts().await).await), sorted(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_skipped_only_if_that_is_asked_for() {
    let world = World::new(2).await;
    for (partition, timestamp_ms) in [(0, 1_000), (0, 2_000), (0, 3_000), (1, 1_000)] {
        world.send_at(partition, timestamp_ms).await;
    }
    let dry = reset(&world, 0, &["--to", "latest", "--dry-run"]).await;
    assert!(dry.ends_with("without --skip-records a run is refused, because these were accepted\n"), "{dry}");
    let refused = reset(&world, 1, &["--to", "latest"]).await;
    assert!(refused.contains("4 records would be skipped"), "{refused}");
    assert!(groups(&world).await.contains("lag: 4\n"));
    let some = reset(&world, 0, &["--to", "1970-01-01T00:00:02Z", "--partition", "0", "--skip-records"]).await;
    let expected = "partition  committed  new  records\n0          -          1    1 skipped\n\
                    committed; records read again: 0, skipped: 1, lag: 2\n";
    assert!(some.ends_with(expected), "{some}");
    assert!(groups(&world).await.contains("1          -          1    1\n"), "the other partition is as it was");
    for (arguments, said) in [
        (["--to", "2"], "partition 1 has the offsets 0 to 1, and not 2"),
        (["--to=latest", "--partition=7"], "has no partition 7"),
    ] {
        let refused = reset(&world, 1, &arguments).await;
        assert!(refused.contains(said), "{refused}");
    }
    let all = reset(&world, 0, &["--to", "latest", "--skip-records"]).await;
    assert!(all.ends_with("committed; records read again: 0, skipped: 3, lag: 0\n"), "{all}");
    for arguments in [&["--to", "yesterday"][..], &["--to", "-1"], &[]] {
        reset(&world, 64, arguments).await;
    }
    let unknown = consumer(&world, &[], 64, &["offsets", "reset", "--kind", "x", "--to", "1"]).await;
    assert!(unknown.contains("--kind: there is no kind x"), "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_state_that_is_read_again_replaces_nothing() {
    let (world, last) = (World::new(1).await, State::new("A", 2));
    world.create_order_topic(1).await;
    for state in [State::new("A", 1), last] {
        world.send_order(state).await;
    }
    let group = world.order_topic();
    for _ in 0..2 {
        let running = Running::start(world.order_config(&[("CONSUMER_BATCH_MESSAGES", "1")])).await;
        world.wait_for_finished_orders(&running, &group, 2).await;
        assert_eq!(world.quantity("A").await, Some(2));
        running.stop().await;
        let done = consumer(&world, &[], 0, &["offsets", "reset", "--kind", "order", "--to", "0"]).await;
        assert!(done.ends_with("records read again: 2, skipped: 0, lag: 2\n"), "{done}");
    }
}
