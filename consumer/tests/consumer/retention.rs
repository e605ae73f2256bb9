//! Documents beyond a kind's retention: who removes them, and what is not stored at all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bson::{DateTime, Document, doc};
use contract::{PostId, document};
use mongodb::{Collection, IndexModel};

use crate::erasures::erase;
use crate::order_world::{SOME_TIME_MS, State};
use crate::running::Running;
use crate::support::{World, all, lag_of, post, wait_until};

/// The name of the consumer's own index.
const INDEX: &str = "ingest_retention";

const EXPIRED_POSTS: &str = "ingest_records_expired_total{kind=\"post\"}";
const EXPIRED_ORDERS: &str = "ingest_records_expired_total{kind=\"order\"}";

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// The keys of an index, after how many seconds its documents are removed, and which of them, if it is there.
async fn index(collection: &Collection<Document>, name: &str) -> Option<(Document, Option<u64>, Option<Document>)> {
    let mut indexes = collection.list_indexes().await.unwrap();
    while indexes.advance().await.unwrap() {
        let IndexModel { keys, options, .. } = indexes.deserialize_current().unwrap();
        let options = options.unwrap();
        if options.name.as_deref() == Some(name) {
            let seconds = options.expire_after.map(|time| time.as_secs());
            return Some((keys, seconds, options.partial_filter_expression));
        }
    }
    None
}

/// Our index of this date.
fn ours(date: &str, seconds: u64) -> (Document, Option<u64>, Option<Document>) {
    (doc! { date: 1 }, Some(seconds), Some(doc! { date: { "$gt": DateTime::from_millis(0) } }))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_follows_the_setting_and_no_other_index_changes() {
    let world = World::on_mongodb().await;
    let posts = world.posts().await;
    let of_an_operator = IndexModel::builder().keys(doc! { "title": 1 }).build();
    let other = posts.create_index(of_an_operator).await.unwrap().index_name;
    for (retention, seconds) in [("1h", Some(3_600)), ("30d", Some(2_592_000)), ("", None), ("12h", Some(43_200))] {
        let running = Running::start(world.config(&[("POST_RETENTION", retention)])).await;
        let expected = seconds.map(|seconds| ours("createdAt", seconds));
        wait_until(&format!("the index is {expected:?}"), async || index(&posts, INDEX).await == expected).await;
        running.stop().await;
    }
    assert_eq!(index(&posts, &other).await, Some((doc! { "title": 1 }, None, None)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_another_date_gives_way() {
    let world = World::on_mongodb().await;
    world.create_order_topic(1).await;
    let orders = world.orders().await;
    let options = mongodb::options::IndexOptions::builder().name(INDEX.to_owned()).build();
    orders.create_index(IndexModel::builder().keys(doc! { "createdAt": 1 }).options(options).build()).await.unwrap();
    let running = Running::start(world.order_config(&[("ORDER_RETENTION", "1h")])).await;
    let expected = Some(ours("kafka.timestamp", 3_600));
    wait_until("the index is that of orders", async || index(&orders, INDEX).await == expected).await;
    running.stop().await;
}

/// MongoDB and SecantusDB look for old documents once a minute. That of a record without a time is not old.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_ttl_indexes_removes_by_itself() {
    let world = World::on_mongodb().await;
    let posts = world.posts().await;
    posts.insert_one(doc! { "_id": "old", "createdAt": DateTime::from_millis(SOME_TIME_MS) }).await.unwrap();
    posts.insert_one(doc! { "_id": "new", "createdAt": DateTime::from_millis(now_ms()) }).await.unwrap();
    posts.insert_one(doc! { "_id": "without a time", "createdAt": DateTime::from_millis(0) }).await.unwrap();
    // A tombstone whose time is over.
    let erased = PostId::fresh();
    // No consumer has made the topic of dead letters yet.
    erase(&world, 1, &["--id", &erased.to_string()]).await;
    let over = doc! { "$set": { "kafka.keptUntil": DateTime::from_millis(SOME_TIME_MS) } };
    posts.update_one(doc! { "_id": document::encode_id(erased) }, over).await.unwrap();
    let running = Running::start(world.config(&[("POST_RETENTION", "1h")])).await;
    let removed = async {
        while all(&posts).await.len() > 2 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(100), removed).await.expect("both are removed within 100 s");
    assert_eq!(posts.find_one(doc! { "_id": "old" }).await.unwrap(), None, "the others stay");
    assert_eq!(running.metric(EXPIRED_POSTS).await, Some(0.0), "the consumer has removed none");
    running.stop().await;
}

/// FerretDB 1 has no such indexes.
#[tokio::test(flavor = "multi_thread")]
async fn without_such_indexes_the_consumer_removes_posts_in_batches() {
    const OLD: i64 = 2_500;
    let world = World::new(1).await;
    let posts = world.posts().await;
    let old = |n: i64| doc! { "_id": bson::Uuid::new(), "createdAt": DateTime::from_millis(SOME_TIME_MS + n) };
    posts.insert_many((0..OLD).map(old)).await.unwrap();
    posts.insert_one(doc! { "_id": "undated" }).await.unwrap();
    let running = Running::start(world.config(&[("POST_RETENTION", "1h"), ("CONSUMER_BATCH_INTERVAL", "100ms")])).await;
    world.send_of(now_ms(), &post(1)).await;
    // A busy store takes its time for them.
    let removed = async {
        while running.metric(EXPIRED_POSTS).await != Some(OLD as f64) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), removed).await.expect("the old posts are removed within 120 s");
    wait_until("the new post is stored", async || all(&posts).await.len() == 2).await;
    assert_eq!(index(&posts, INDEX).await, None);
    running.stop().await;
}

/// Clients of Kafka before 0.10 send no time.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_time_is_stored_and_stays() {
    let world = World::new(1).await;
    let posts = world.posts().await;
    world.send_of(-1, &post(1)).await;
    let settings = [("POST_RETENTION", "10s"), ("CONSUMER_BATCH_INTERVAL", "100ms")];
    let running = Running::start(world.config(&settings)).await;
    let stored = world.wait_for_documents(1).await;
    assert_eq!(stored[0].get_datetime("createdAt").unwrap().timestamp_millis(), 0);
    posts.insert_one(doc! { "_id": "old", "createdAt": DateTime::from_millis(SOME_TIME_MS) }).await.unwrap();
    running.wait_for_metric(EXPIRED_POSTS, 1.0).await;
    assert_eq!(all(&posts).await, stored);
    running.stop().await;
}

/// Only the member that holds its partition may remove the document of a key: it is the one that replaces it.
#[tokio::test(flavor = "multi_thread")]
async fn without_conditions_the_orders_of_held_partitions_are_removed_one_by_one() {
    let world = World::new(1).await;
    world.create_order_topic(1).await;
    let orders = world.orders().await;
    let state = |id: &str, partition: i32, time_ms: i64| {
        let time = DateTime::from_millis(time_ms);
        doc! { "_id": id, "kafka": { "partition": partition, "offset": 7_i64, "timestamp": time } }
    };
    let foreign = doc! { "_id": "by hand", "kafka": { "timestamp": DateTime::from_millis(SOME_TIME_MS) } };
    let documents = [
        state("old", 0, SOME_TIME_MS),
        state("older", 0, SOME_TIME_MS - 1),
        // New for as long as this test may take.
        state("new", 0, now_ms() + 3_600_000),
        state("of another member", 5, SOME_TIME_MS),
        foreign,
    ];
    orders.insert_many(documents).await.unwrap();
    let running = Running::start(world.order_config(&[("ORDER_RETENTION", "10s")])).await;
    running.wait_for_metric(EXPIRED_ORDERS, 2.0).await;
    let mut left: Vec<_> = all(&orders).await.iter().map(|order| order.get_str("_id").unwrap().to_owned()).collect();
    left.sort_unstable();
    assert_eq!(left, ["by hand", "new", "of another member"]);
    running.stop().await;
}

macro_rules! on_both_stores {
    ($($scenario:ident),+ $(,)?) => {
        mod on_ferretdb {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(World::new(1).await).await;
            })+
        }

        mod on_mongodb {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                super::$scenario(World::on_mongodb().await).await;
            })+
        }
    };
}

on_both_stores!(a_record_beyond_the_retention_is_not_stored, a_post_beyond_the_retention_is_not_stored);

/// As a replay would bring it: the newer state of its key has been removed.
async fn a_record_beyond_the_retention_is_not_stored(world: World) {
    world.create_order_topic(1).await;
    world.send_order(State::new("A", 1)).await;
    world.send_order_to(0, now_ms(), State::new("B", 2)).await;
    world.send_to_orders(0, SOME_TIME_MS, Some(b"C"), b"not an order").await;
    let running = Running::start(world.order_config(&[("ORDER_RETENTION", "1h")])).await;
    world.wait_for_order(State::new("B", 2)).await;
    assert_eq!(world.wait_for_order_letters(1).await[0].0.offset, 2, "what is wrong is kept, however old it is");
    running.wait_for_metric(&lag_of(&world.order_topic(), &world.order_topic(), 0), 0.0).await;
    assert_eq!(running.metric(EXPIRED_ORDERS).await, Some(1.0));
    assert_eq!(world.quantity("A").await, None);
    running.stop().await;
}

async fn a_post_beyond_the_retention_is_not_stored(world: World) {
    world.send_of(SOME_TIME_MS, &post(1)).await;
    world.send_of(now_ms(), &post(2)).await;
    let settings = [("POST_RETENTION", "1h"), ("CONSUMER_BATCH_INTERVAL", "100ms")];
    let running = Running::start(world.config(&settings)).await;
    let stored = world.wait_for_documents(1).await;
    running.wait_for_metric(&world.lag(0), 0.0).await;
    assert_eq!((stored.len(), all(&world.posts().await).await.len()), (1, 1));
    assert_eq!(running.metric(EXPIRED_POSTS).await, Some(1.0));
    running.stop().await;
}
