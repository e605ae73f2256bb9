//! Dead-letter topics that take neither every timestamp nor records without a key: letters get through, and a record
//! keeps its date through a replay.

use bson::{DateTime, doc};
use contract::dead_letter::Reason;
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use rdkafka::message::Message;

use crate::dead_letters_command::dead_letters;
use crate::running::Running;
use crate::support::{World, post};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];
const TWO_DAYS_MS: i64 = 2 * 24 * 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_compacted_and_takes_recent_timestamps_only_gets_every_letter() {
    let settings = [("cleanup.policy", "compact"), ("message.timestamp.before.max.ms", "3600000")];
    letter_with_its_date_comes_back(&settings).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_notes_when_a_letter_arrived_does_not_change_the_records_date() {
    letter_with_its_date_comes_back(&[("message.timestamp.type", "LogAppendTime")]).await;
}

async fn letter_with_its_date_comes_back(settings: &[(&str, &str)]) {
    let world = World::new(1).await;
    world.create(&world.dead_letter_topic(), 1, settings).await;
    let posts = world.posts().await;
    let unique = IndexOptions::builder().unique(true).build();
    let index = IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build();
    let index = posts.create_index(index).await.unwrap().index_name;
    let sent_ms = DateTime::now().timestamp_millis() - TWO_DAYS_MS;
    for _ in 0..2 {
        world.send_of(sent_ms, &post(0)).await;
    }
    let running = Running::start(world.config(&SOON)).await;

    let letters = world.wait_for_dead_letters(1).await;
    let (letter, message) = &letters[0];
    assert_eq!((letter.reason, letter.offset), (Reason::Conflict, 1));
    assert_ne!(message.timestamp().to_millis(), Some(sent_ms), "the topic has another one");
    running.wait_for_metric(&world.lag(0), 0.0).await;
    running.wait_for_readyz("HTTP/1.1 200").await;

    posts.drop_index(index).await.unwrap();
    let sent = dead_letters(&world, 0, &["replay"]).await;
    assert!(sent.contains("acknowledged: 1\n"), "{sent}");
    for document in world.wait_for_documents(2).await {
        assert_eq!(document.get_datetime("createdAt").unwrap().timestamp_millis(), sent_ms);
    }
    running.stop().await;
}
