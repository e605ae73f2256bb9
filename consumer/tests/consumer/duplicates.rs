//! What becomes of a record whose document the store refuses as a duplicate.

use bson::doc;
use contract::PostId;
use contract::dead_letter::Reason;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

use crate::running::Running;
use crate::support::{World, ids, post};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];

async fn wait_until_all_is_committed(world: &World, running: &Running) {
    let lag = format!("kafka_consumergroup_lag{{consumergroup=\"{0}\",topic=\"{0}\",partition=\"0\"}}", world.topic);
    running.wait_for_metric(&lag, 0.0).await;
}

/// Of two posts with one title, one is stored and the other is a dead letter, although the consumer knew of no such
/// index when it started. Returns MongoDB's words.
async fn titles_become_unique_while_it_runs(world: World) -> String {
    let running = Running::start(world.config(&SOON)).await;
    let first = world.send_posts(1).await[0];
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 1.0).await;
    let unique = IndexOptions::builder().unique(true).build();
    let titles = IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build();
    world.posts().await.create_index(titles).await.unwrap();

    let (second, last) = (PostId::fresh(), PostId::fresh());
    world.send(Some(&second.to_key()), Some(&post(0))).await;
    world.send(Some(&first.to_key()), Some(&post(0))).await;
    world.send(Some(&last.to_key()), Some(&post(1))).await;
    let letters = world.wait_for_dead_letters(1).await;
    assert_eq!((letters[0].0.reason, &letters[0].0.id), (Reason::Conflict, &second.into()));
    assert_eq!(ids(&world.wait_for_documents(2).await), [first, last]);
    running.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", 1.0).await;
    wait_until_all_is_committed(&world, &running).await;
    running.stop().await;
    letters[0].0.message.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_index_that_appears_while_it_runs_makes_conflicts() {
    titles_become_unique_while_it_runs(World::new(1).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unique_index_that_appears_while_it_runs_makes_conflicts_that_name_it() {
    let message = titles_become_unique_while_it_runs(World::on_mongodb().await).await;
    assert!(message.contains("index: title_1 "), "{message}");
}

/// The same from one batch to the next as within one.
#[tokio::test(flavor = "multi_thread")]
async fn one_key_with_two_bodies_is_one_post_and_one_dead_letter() {
    let world = World::on_mongodb().await;
    let (first, second) = (PostId::fresh().to_key(), PostId::fresh());
    for number in [0, 1] {
        world.send(Some(&second.to_key()), Some(&post(number))).await;
    }
    let running = Running::start(world.config(&SOON)).await;
    running.wait_for_metric("ingest_records_dead_lettered_total{kind=\"post\",reason=\"conflict\"}", 1.0).await;
    for number in [2, 3] {
        world.send(Some(&first), Some(&post(number))).await;
        running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 2.0).await;
    }
    let letters = world.wait_for_dead_letters(2).await;
    assert!(letters.iter().all(|(letter, _)| letter.reason == Reason::Conflict), "{letters:?}");
    assert_eq!(letters[0].0.id, second);
    let message = &letters[0].0.message;
    assert!(message.starts_with("another document is stored under this id: "), "{message}");
    let stored = world.wait_for_documents(2).await;
    let mut titles: Vec<_> = stored.iter().map(|document| document.get_str("title").unwrap()).collect();
    titles.sort_unstable();
    assert_eq!(titles, ["Post 0", "Post 2"], "the first one stored wins");
    wait_until_all_is_committed(&world, &running).await;
    assert_eq!(running.metric("ingest_records_duplicate_total{kind=\"post\"}").await, Some(0.0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_sent_again_with_its_body_is_already_stored() {
    let world = World::on_mongodb().await;
    let key = PostId::fresh().to_key();
    for _ in 0..2 {
        world.send(Some(&key), Some(&post(0))).await;
    }
    let running = Running::start(world.config(&SOON)).await;
    running.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", 1.0).await;
    world.send(Some(&key), Some(&post(0))).await;
    running.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", 2.0).await;
    world.wait_for_documents(1).await;
    wait_until_all_is_committed(&world, &running).await;
    assert_eq!(running.metric("ingest_records_stored_total{kind=\"post\"}").await, Some(1.0));
    assert_eq!(
        running.metric("ingest_records_dead_lettered_total{kind=\"post\",reason=\"conflict\"}").await,
        Some(0.0)
    );
    running.stop().await;
}

/// On a replica set of one there is no secondary to read from.
#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_judged_by_the_primary_whatever_the_uri_says() {
    let world = World::on_mongodb().await;
    let key = PostId::fresh().to_key();
    for number in [0, 0, 1] {
        world.send(Some(&key), Some(&post(number))).await;
    }
    for (round, preference) in (1_u32..).zip(["secondary", "secondaryPreferred"]) {
        let uri = format!("{}?readPreference={preference}&readConcernLevel=available&w=0", world.mongo_uri);
        let group = format!("{}-{preference}", world.topic);
        let running = Running::start(world.config(&[SOON[0], ("MONGO_URI", &uri), ("KAFKA_GROUP", &group)])).await;
        running.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", f64::from(round)).await;
        running.wait_for_metric("ingest_records_dead_lettered_total{kind=\"post\",reason=\"conflict\"}", 1.0).await;
        running.stop().await;
    }
    let stored = world.wait_for_documents(1).await;
    assert_eq!(stored[0].get_str("title").unwrap(), "Post 0");
}
