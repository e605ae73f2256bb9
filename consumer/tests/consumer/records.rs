//! What becomes of each kind of record.

use std::time::{SystemTime, UNIX_EPOCH};

use bson::doc;
use contract::PostId;
use contract::dead_letter::Reason;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use rdkafka::message::Message;

use crate::running::Running;
use crate::support::{World, ids, post};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_stored_under_its_id_with_its_date() {
    let world = World::new(1).await;
    let id = world.send_posts(1).await[0];
    let running = Running::start(world.config(&SOON)).await;
    let stored = world.wait_for_documents(1).await;
    assert_eq!(ids(&stored), [id]);
    assert_eq!(stored[0].keys().collect::<Vec<_>>(), ["_id", "title", "content", "createdAt"]);
    assert_eq!(stored[0].get_str("title").unwrap(), "Post 0");
    assert_eq!(stored[0].get_str("content").unwrap(), "long enough to be a post");
    let age_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
        - stored[0].get_datetime("createdAt").unwrap().timestamp_millis();
    assert!((0..60_000).contains(&age_ms), "{age_ms}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_producer_is_stored_without_a_key_of_ours() {
    let world = World::new(1).await;
    world.send(None, Some(&post(0))).await;
    world.send(Some(b"order-42"), Some(&post(1))).await;
    let running = Running::start(world.config(&SOON)).await;
    let stored = world.wait_for_documents(2).await;
    assert_eq!(ids(&stored).len(), 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_record_becomes_a_dead_letter_and_those_behind_it_are_stored() {
    let world = World::new(1).await;
    let (key, invalid) = (PostId::fresh(), br#"{"title":"x"}"#);
    world.send(None, Some(b"\xff\x00 not a post")).await;
    world.send(Some(&key.to_key()), Some(invalid)).await;
    world.send(None, None).await;
    let behind = world.send_posts(5).await;
    let running = Running::start(world.config(&SOON)).await;

    let stored = world.wait_for_documents(5).await;
    assert_eq!(ids(&stored), behind);
    let letters = world.wait_for_dead_letters(3).await;
    let reasons: Vec<Reason> = letters.iter().map(|(letter, _)| letter.reason).collect();
    assert_eq!(reasons, [Reason::Undecodable, Reason::Invalid, Reason::Undecodable]);
    for (offset, (letter, message)) in (0..).zip(&letters) {
        assert_eq!((letter.topic.as_str(), letter.partition, letter.offset), (world.topic.as_str(), 0, offset));
        assert!(!letter.message.is_empty());
        assert_eq!(message.key().is_some(), offset == 1);
    }
    assert_eq!(letters[0].1.payload(), Some(&b"\xff\x00 not a post"[..]), "untouched");
    assert_eq!(letters[1].1.payload(), Some(&invalid[..]));
    assert_eq!(letters[1].0.id, key);
    assert_eq!(letters[1].0.message, "content is required; title must be 2 to 100 characters long, has 1");
    assert_eq!(letters[2].1.payload(), None);
    running.wait_for_metric("ingest_records_dead_lettered_total{kind=\"post\",reason=\"undecodable\"}", 2.0).await;
    running.wait_for_metric("ingest_records_dead_lettered_total{kind=\"post\",reason=\"invalid\"}", 1.0).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_in_another_unique_index_is_not_a_repetition() {
    let world = World::new(1).await;
    let unique = IndexOptions::builder().unique(true).build();
    let posts = world.posts().await;
    posts.create_index(IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build()).await.unwrap();
    let first = world.send_posts(1).await[0];
    world.send(Some(&first.to_key()), Some(&post(0))).await;
    let other = PostId::fresh();
    world.send(Some(&other.to_key()), Some(&post(0))).await;
    let last = PostId::fresh();
    world.send(Some(&last.to_key()), Some(&post(1))).await;

    let running = Running::start(world.config(&SOON)).await;
    let letters = world.wait_for_dead_letters(1).await;
    assert_eq!((letters[0].0.reason, &letters[0].0.id), (Reason::Conflict, &other.into()));
    assert_eq!(ids(&world.wait_for_documents(2).await), [first, last]);
    running.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", 1.0).await;
    running.stop().await;
}
