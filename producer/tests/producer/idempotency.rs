//! An `Idempotency-Key` that is used for two posts: the second is rejected, wherever it is.

use contract::PostId;

use crate::broker;
use crate::client::{POST, Response, post, post_with, within_patience};
use crate::running::Producer;
use crate::topic::{self, fresh_topic};

const CONFLICT: &str =
    "this Idempotency-Key was used with another post: send that one again as it was, or this one under another key";

const CONFLICTS: &str = r#"ingest_records_rejected_total{kind="post",reason="idempotency_conflict"}"#;

/// A post under this key with this content.
fn keyed(key: &str, content: &str) -> Vec<u8> {
    post_with(
        &format!("Idempotency-Key: {key}\r\n"),
        format!(r#"{{"title":"A title","content":"Content: {content}"}}"#),
    )
}

fn rejected(response: &Response) {
    assert_eq!(response.problem(422)["detail"], CONFLICT);
}

/// The key and the value of each record.
async fn records(broker: &str, topic: &str) -> Vec<(String, String)> {
    topic::records(broker, topic).await.into_iter().map(|record| (record.key, record.value)).collect()
}

async fn shared_records(topic: &str) -> Vec<(String, String)> {
    records(stack::shared().await.kafka_broker(), topic).await
}

/// Issue 15, fault 4.
#[tokio::test(flavor = "multi_thread")]
async fn another_post_under_the_same_key_is_rejected() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    let id = producer.ask(keyed("k", "the first")).await.created_id();
    rejected(&producer.ask(keyed("k", "the second")).await);
    assert_eq!(producer.ask(keyed("k", "the first")).await.created_id(), id, "the same one is accepted again");
    rejected(&producer.ask(keyed("k", "the second")).await);
    producer.ask(keyed("l", "the second")).await.created_id();

    let values: Vec<String> = shared_records(&topic).await.into_iter().map(|(_, value)| value).collect();
    let value = |which| format!(r#"{{"title":"A title","content":"Content: {which}"}}"#);
    assert_eq!(values, ["the first", "the first", "the second"].map(value));
    producer.metric(&format!("{CONFLICTS} 2")).await;
    producer.metric("ingest_records_accepted_total{kind=\"post\"} 3").await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_stored_makes_no_difference() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    let ask = async |body: &str| producer.ask(post_with("Idempotency-Key: k\r\n", body)).await;
    let id = ask(r#"{"title":"Café","content":"Some content"}"#).await.created_id();
    for same in [
        " {\n\"title\" :\t\"Café\",\r\n\"content\": \"Some content\" } ",
        r#"{"content":"Some content","title":"Café"}"#,
        r#"{"title":"Caf\u00e9","content":"Some\u0020content"}"#,
        r#"{"title":"Café","content":"Some content","author":{"name":"x"}}"#,
    ] {
        assert_eq!(ask(same).await.created_id(), id, "{same}");
    }
    for other in [r#"{"title":"Cafe","content":"Some content"}"#, r#"{"title":"Café","content":"Some content "}"#] {
        rejected(&ask(other).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_different_posts_at_the_same_time_one_is_accepted() {
    const POSTS: usize = 20;
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    for round in 0..5 {
        let posts = (0..POSTS).map(|number| keyed(&format!("k{round}"), &format!("number {number}")));
        let (accepted, others): (Vec<_>, Vec<_>) =
            producer.ask_all(posts).await.into_iter().partition(|response| response.status == 201);
        assert_eq!(accepted.len(), 1);
        others.iter().for_each(rejected);
        let id = accepted[0].created_id();
        let stored = shared_records(&topic).await.into_iter().filter(|(key, _)| *key == id).count();
        assert_eq!(stored, 1);
    }
    producer.metric(&format!("{CONFLICTS} {}", 5 * (POSTS - 1))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_never_sent_has_not_used_its_key() {
    let settings = [("PRODUCER_MAX_IN_FLIGHT", "1"), ("PRODUCER_LINGER", "2s"), ("PRODUCER_LINGER_ADAPTIVE", "false")];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    assert_eq!(producer.ask(post_with("Idempotency-Key: k\r\n", "{}")).await.errors().len(), 2);
    let mut first = producer.connect().await;
    first.send(post(POST)).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 1").await;
    let full = producer.ask(keyed("k", "finds no room")).await;
    assert_eq!(full.unavailable(), "too many posts are in flight: try again");
    first.receive().await.created_id();
    producer.ask(keyed("k", "finds room")).await.created_id();
    rejected(&producer.ask(keyed("k", "finds no room")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_may_be_stored_has_used_its_key() {
    let mut broker = broker::borrow().await;
    broker.bring_back().await;
    let (address, topic) = (broker.address(), fresh_topic());
    let settings = [("KAFKA_BROKER", address.as_str()), ("KAFKA_TOPIC", &topic), ("PRODUCER_TIMEOUT", "2s")];
    let producer = Producer::start(&settings).await;
    producer.ready().await;
    broker.freeze();
    let unknown = producer.ask(keyed("k", "the first")).await.unavailable();
    assert!(unknown.starts_with("Kafka did not acknowledge in time"), "{unknown}");

    broker.bring_back().await;
    producer.ready().await;
    // A broker that is just back may be slow.
    let until_judged = async |request: Vec<u8>| {
        let asking = async {
            loop {
                let response = producer.ask(&request).await;
                if response.status != 503 {
                    return response;
                }
            }
        };
        within_patience("an answer other than 503", asking).await
    };
    rejected(&until_judged(keyed("k", "the second")).await);
    let id = until_judged(keyed("k", "the first")).await.created_id();
    assert_eq!(id, PostId::from_idempotency_key(b"k").unwrap().to_string());
    for (key, value) in records(&address, &topic).await {
        assert_eq!((key, value.contains("the first")), (id.clone(), true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_keys_are_remembered() {
    let producer = Producer::with_kafka(&fresh_topic(), &[("PRODUCER_IDEMPOTENCY_KEYS", "2")]).await;
    producer.ask(keyed("k", "the first")).await.created_id();
    for later in ["l1", "l2"] {
        producer.ask(keyed(later, "another")).await.created_id();
        rejected(&producer.ask(keyed("k", "the second")).await);
    }
    for later in ["l3", "l4", "l5"] {
        producer.ask(keyed(later, "another")).await.created_id();
    }
    // The consumer now decides about the two.
    producer.ask(keyed("k", "the second")).await.created_id();

    let forgetful = Producer::with_kafka(&fresh_topic(), &[("PRODUCER_IDEMPOTENCY_KEYS", "0")]).await;
    let ids = [forgetful.ask(keyed("k", "the first")).await, forgetful.ask(keyed("k", "the second")).await];
    assert_eq!(ids[0].created_id(), ids[1].created_id());
}
