//! Dead letters of large records: none holds up those behind it, whatever size the dead-letter topic takes.

use bson::doc;
use contract::PostId;
use contract::dead_letter::{Form, LeftOut, Reason};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use rdkafka::message::Message;

use crate::dead_letters_command::dead_letters;
use crate::running::Running;
use crate::support::{World, ids, left_out};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];
const WITHOUT_VALUE: &str = "ingest_dead_letters_reduced_total{kind=\"post\",form=\"without_value\"}";
const WITHOUT_RECORD: &str = "ingest_dead_letters_reduced_total{kind=\"post\",form=\"without_record\"}";

/// Kafka takes records up to 1,048,588 bytes by default, which is more than librdkafka sends by default.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_a_million_bytes_that_are_not_json_hold_nothing_up() {
    let world = World::new(1).await;
    let poison = vec![b'x'; 1_000_000];
    let running = Running::start(world.config(&SOON)).await;
    for (count, so_far) in [(1, 1), (4, 5)] {
        for _ in 0..count {
            world.send(None, Some(&poison)).await;
        }
        let letters = world.wait_for_dead_letters(so_far).await;
        assert!(letters.iter().all(|(_, message)| message.payload() == Some(&poison[..])), "untouched");
        assert!(letters.iter().all(|(_, message)| left_out(message) == LeftOut::default()));
        running.wait_for_metric(&world.lag(0), 0.0).await;
    }
    let behind = world.send_posts(3).await;
    assert_eq!(ids(&world.wait_for_documents(3).await), behind);
    assert_eq!(running.metric(WITHOUT_VALUE).await, Some(0.0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_topic_that_is_created_takes_what_the_records_topic_takes() {
    let world = World::without_topic(stack::shared().await);
    world.create(&world.topic, 1, &[("max.message.bytes", "3000000")]).await;
    let poison = vec![b'x'; 2_999_900];
    world.send(None, Some(&poison)).await;
    let running = Running::start(world.config(&SOON)).await;
    let letters = world.wait_for_dead_letters(1).await;
    assert_eq!(letters[0].1.payload(), Some(&poison[..]));
    assert_eq!(world.setting(&world.dead_letter_topic(), "max.message.bytes").await, "3004096");
    assert_eq!(world.setting(&world.dead_letter_topic(), "retention.ms").await, "-1");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_takes_less_gets_the_letter_without_the_value_and_a_replay_sends_the_original() {
    let world = World::new(1).await;
    world.create(&world.dead_letter_topic(), 1, &[("max.message.bytes", "100000")]).await;
    let running = Running::start(world.config(&SOON)).await;
    let behind = world.send_posts(1).await;
    let poison = [b"not a post ".repeat(100_000), b"the end".to_vec()].concat();
    let poison = &poison[poison.len() - 1_000_000..];
    world.send(Some(b"a key"), Some(poison)).await;

    let letters = world.wait_for_dead_letters(1).await;
    let (letter, message) = &letters[0];
    assert_eq!((letter.topic.as_str(), letter.partition, letter.offset), (world.topic.as_str(), 0, 1));
    assert_eq!(left_out(message), LeftOut { form: Form::WithoutValue, value_bytes: Some(1_000_000) });
    assert_eq!((message.key(), message.payload()), (Some(&b"a key"[..]), None));
    running.wait_for_metric(WITHOUT_VALUE, 1.0).await;
    running.wait_for_metric(&world.lag(0), 0.0).await;
    assert_eq!(ids(&world.wait_for_documents(1).await), behind);

    let list = dead_letters(&world, 0, &["list"]).await;
    assert!(list.contains("  [without its value of 1000000 bytes] body is not valid JSON"), "{list}");
    let shown = dead_letters(&world, 0, &["show", "0/1"]).await;
    assert!(shown.contains("which is shown from the topic that it came from\n"), "{shown:.900}");
    assert!(shown.contains("1000000 bytes\n") && shown.ends_with("not a post the end\n\n"), "{shown:.900}");
    let sent = dead_letters(&world, 0, &["replay"]).await;
    assert!(sent.contains("acknowledged: 1\n"), "{sent}");
    let letters = world.wait_for_dead_letters(2).await;
    let (again, message) = &letters[1];
    assert_eq!((&again.id, again.offset), (&letter.id, 2), "it was sent whole, and is still not a post");
    assert_eq!(left_out(message), LeftOut { form: Form::WithoutValue, value_bytes: Some(1_000_000) });
    assert_eq!(message.key(), Some(&letter.id.to_key()[..]));
    running.wait_for_metric(&world.lag(0), 0.0).await;
    running.stop().await;
}

/// A topic limits the batch, and what waits for the connection would be sent as one.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_fit_one_by_one_are_not_sent_together() {
    let world = World::without_topic(stack::shared().await);
    for topic in [&world.topic, &world.dead_letter_topic()] {
        world.create(topic, 1, &[("max.message.bytes", "100000")]).await;
    }
    for _ in 0..8 {
        world.send(None, Some(&[b'x'; 60_000])).await;
    }
    let each_a_flush = [("CONSUMER_BATCH_MESSAGES", "1"), ("CONSUMER_CONCURRENT_FLUSHES", "8")];
    let running = Running::start(world.config(&each_a_flush)).await;
    let letters = world.wait_for_dead_letters(8).await;
    assert!(letters.iter().all(|(_, message)| left_out(message) == LeftOut::default()));
    let sent = dead_letters(&world, 0, &["replay"]).await;
    assert!(sent.contains("acknowledged: 8\n"), "{sent}");
    world.wait_for_dead_letters(16).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_not_in_its_dead_letter_is_stored_once_the_cause_is_fixed() {
    let world = World::new(1).await;
    world.create(&world.dead_letter_topic(), 1, &[("max.message.bytes", "2500")]).await;
    let unique = IndexOptions::builder().unique(true).build();
    let posts = world.posts().await;
    let index = IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build();
    let index = posts.create_index(index).await.unwrap().index_name;
    let first = world.send_posts(1).await[0];
    let refused = PostId::fresh();
    let post = serde_json::json!({ "title": "Post 0", "content": "🦀".repeat(1_000) }).to_string().into_bytes();
    world.send(Some(&refused.to_key()), Some(&post)).await;
    let running = Running::start(world.config(&SOON)).await;

    let letters = world.wait_for_dead_letters(1).await;
    let (letter, message) = &letters[0];
    assert_eq!((letter.reason, &letter.id), (Reason::Conflict, &refused.into()));
    assert_eq!(left_out(message), LeftOut { form: Form::WithoutValue, value_bytes: Some(post.len()) });
    posts.drop_index(index).await.unwrap();
    let dry = dead_letters(&world, 0, &["replay", "--dry-run"]).await;
    assert!(dry.contains(&format!("[without its value of {} bytes]", post.len())), "{dry}");
    assert!(dead_letters(&world, 0, &["replay"]).await.contains("acknowledged: 1\n"));
    let stored = world.wait_for_documents(2).await;
    assert_eq!(ids(&stored), [first, refused]);
    assert_eq!(stored[1].get_str("content").unwrap(), "🦀".repeat(1_000));
    let created_at = stored[1].get_datetime("createdAt").unwrap().timestamp_millis();
    assert_eq!(Some(created_at), message.timestamp().to_millis(), "it keeps its date");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_too_large_is_left_out_too() {
    let world = World::new(1).await;
    world.create(&world.dead_letter_topic(), 1, &[("max.message.bytes", "100000")]).await;
    let running = Running::start(world.config(&SOON)).await;
    world.send(Some(&[b'k'; 200_000]), Some(b"not a post")).await;
    let letters = world.wait_for_dead_letters(1).await;
    let (letter, message) = &letters[0];
    assert_eq!((letter.topic.as_str(), letter.partition, letter.offset), (world.topic.as_str(), 0, 0));
    assert_eq!(left_out(message), LeftOut { form: Form::WithoutRecord, value_bytes: Some(10) });
    assert_eq!((message.key(), message.payload()), (None, None));
    running.wait_for_metric(WITHOUT_RECORD, 1.0).await;
    assert_eq!(running.metric(WITHOUT_VALUE).await, Some(0.0));
    running.wait_for_metric(&world.lag(0), 0.0).await;

    let shown = dead_letters(&world, 0, &["show", "0/0"]).await;
    assert!(shown.contains(&"k".repeat(200_000)) && shown.contains("10 bytes\nnot a post\n"), "{shown:.900}");
    assert!(dead_letters(&world, 0, &["replay"]).await.contains("acknowledged: 1\n"));
    let letters = world.wait_for_dead_letters(2).await;
    assert_eq!(letters[1].1.payload(), Some(&b"not a post"[..]), "under its id it fits");
    assert_eq!(letters[1].0.id, letter.id);
    running.stop().await;
}
