//! Kinds that operators pause: nothing of them is fetched by any member, whenever it starts, until they are resumed.

use std::time::Duration;

use serde_json::{Value, json};

use crate::administration::consumer;
use crate::order_world::State;
use crate::running::{Member, Running};
use crate::support::{World, all, ids, wait_until};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];
const BOTH: [(&str, &str); 2] = [("KINDS", "post,order"), ("CONSUMER_BATCH_INTERVAL", "100ms")];
const CONSUMED: &str = "ingest_records_consumed_total{kind=\"post\"}";
const PAUSED: &str = "ingest_paused{kind=\"post\"}";

/// After this time nothing more of a paused kind is fetched.
const FETCHED_MEANWHILE: Duration = Duration::from_secs(2);

/// The lags of posts that these members show, together.
async fn lag(world: &World, members: &[&Running]) -> f64 {
    let mut lag = 0.0;
    for member in members {
        for partition in [0, 1] {
            lag += member.metric(&world.lag(partition)).await.unwrap_or_default();
        }
    }
    lag
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_kind_waits_in_all_members_and_the_other_kind_continues() {
    let world = World::new(2).await;
    world.create_order_topic(1).await;
    let mut sent = world.send_posts(4).await;
    let first = Running::start(world.config(&BOTH)).await;
    world.wait_for_documents(4).await;
    let second = Running::start(world.config(&BOTH)).await;
    wait_until("each holds a partition", async || {
        first.held(&world.topic).await == 1 && second.held(&world.topic).await == 1
    })
    .await;

    let answer = first.ask_as_operator("POST /kinds/post/pause").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for member in [&first, &second] {
        member.wait_for_metric(PAUSED, 1.0).await;
        member.wait_for_readyz("fetching: paused by an operator since").await;
        assert!(member.get("/readyz").await.starts_with("HTTP/1.1 200"), "to be paused is no failure");
        member.wait_for_page(&["Paused by operators"]).await;
    }
    // The thread that fetches hears of it after those who are asked here.
    tokio::time::sleep(FETCHED_MEANWHILE).await;
    // What was on its way when the pause came is finished.
    wait_until("all is committed", async || lag(&world, &[&first, &second]).await == 0.0).await;
    sent.extend(world.send_posts(10).await);
    world.send_order(State::new("A", 1)).await;
    world.wait_for_order(State::new("A", 1)).await;
    wait_until("the lag grows", async || lag(&world, &[&first, &second]).await == 10.0).await;

    // A member that leaves, and one that comes.
    second.stop().await;
    let third = Running::start(world.config(&BOTH)).await;
    wait_until("each holds a partition", async || {
        first.held(&world.topic).await == 1 && third.held(&world.topic).await == 1
    })
    .await;
    wait_until("the lag is there still", async || lag(&world, &[&first, &third]).await == 10.0).await;
    assert_eq!(third.metric(CONSUMED).await, Some(0.0));
    assert_eq!(all(&world.posts().await).await.len(), 4);

    let kinds = third.ask_as_operator("GET /kinds").await;
    let kinds: Value = serde_json::from_str(kinds.lines().last().unwrap()).unwrap();
    assert_eq!(kinds["kinds"][0]["paused"]["by"], "an operator");
    assert_eq!((&kinds["kinds"][1]["kind"], &kinds["kinds"][1]["paused"]), (&json!("order"), &Value::Null));
    let unknown = first.ask("POST /kinds/x/pause").await;
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
    for request in ["POST /kinds/post/resume", "POST /dead-letters/release"] {
        let of_another_site = first.ask_from("https://other.example.com", request).await;
        assert!(of_another_site.starts_with("HTTP/1.1 403"), "{of_another_site}");
    }
    let kinds = first.ask("GET /kinds").await;
    assert!(kinds.contains("an operator"), "a page of another site resumes nothing: {kinds}");
    let answer = first.ask("POST /kinds/post/resume").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"paused\":null"), "{answer}");
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(14).await), sent);
    for member in [&first, &third] {
        member.wait_for_metric(PAUSED, 0.0).await;
        assert!(!member.get("/readyz").await.contains("fetching"));
    }
    first.stop().await;
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_comes_while_none_runs_outlasts_a_kill() {
    is_paused_from_the_start(&World::new(1).await, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_comes_while_none_runs_on_mongodb_too() {
    is_paused_from_the_start(&World::on_mongodb().await, false).await;
}

async fn is_paused_from_the_start(world: &World, is_killed: bool) {
    let pause = consumer(world, &[], 0, &["pause", "--kind", "post", "--by", "ann"]).await;
    assert_eq!(pause, "kind post: paused; within about a second nothing more of it is fetched\n");
    let again = consumer(world, &[], 0, &["pause", "--kind", "post"]).await;
    assert!(again.starts_with("kind post: already paused by ann since 20"), "{again}");
    let sent = world.send_posts(3).await;
    let member = Member::start(world, &SOON).await;
    member.wait_for_readyz("fetching: paused by ann since 20").await;
    member.wait_for_metric(&world.lag(0), 3.0).await;
    assert_eq!(member.metric(CONSUMED).await, Some(0.0));
    member.signal(if is_killed { "KILL" } else { "TERM" });
    member.ended().await;
    let running = Running::start(world.config(&SOON)).await;
    running.wait_for_readyz("fetching: paused by ann").await;
    assert_eq!(running.metric(CONSUMED).await, Some(0.0));
    let resumed = consumer(world, &[], 0, &["resume", "--kind", "post"]).await;
    assert!(resumed.starts_with("kind post: resumed; it was paused by ann since 20"), "{resumed}");
    assert_eq!(ids(&world.wait_for_documents(3).await), sent);
    let not_paused = consumer(world, &[], 0, &["resume", "--kind", "post"]).await;
    assert_eq!(not_paused, "kind post: it was not paused\n");
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_paused_is_said() {
    let world = World::without_topic(stack::shared().await);
    for arguments in [&["pause"][..], &["pause", "--kind", "x"], &["pause", "--kind", "post", "--by", "a\nb"]] {
        consumer(&world, &[], 64, arguments).await;
    }
    let nowhere = [("MONGO_URI", "mongodb://127.0.0.1:1/db?serverSelectionTimeoutMS=200")];
    let away = consumer(&world, &nowhere, 1, &["resume", "--kind", "post"]).await;
    assert!(away.starts_with("consumer: MongoDB, see MONGO_URI: Server selection"), "{away}");
}
