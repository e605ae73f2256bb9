//! One document for each order, which is its latest state: on FerretDB, whose updates have no condition, and on the
//! store that answers as MongoDB does.

use bson::{DateTime, doc};
use contract::dead_letter::Reason;

use crate::administration::consumer;
use crate::dead_letters_command::dead_letters;
use crate::mongodb_answers::{Failing, named_uri};
use crate::order_world::{NOT_NEWER, SOME_TIME_MS, STORED, SUPERSEDED, State};
use crate::running::Running;
use crate::support::{World, all, lag_of, wait_until};

const RETRIES: &str = "ingest_store_retries_total{kind=\"order\"}";

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

on_both_stores!(
    the_last_record_of_a_key_is_its_document,
    older_batches_that_are_read_again_bring_nothing_back,
    batches_that_are_written_at_the_same_time_leave_the_latest_state,
    a_large_batch_replaces_what_is_there,
    a_document_without_a_place_is_not_replaced,
    a_replay_brings_no_older_state_back,
    where_a_key_has_moved_the_time_decides,
    newer_records_of_a_recreated_topic_are_named_and_not_lost,
);

async fn newer_records_of_a_recreated_topic_are_named_and_not_lost(world: World) {
    const SET_BACK: &str = "ingest_records_set_back_total{kind=\"order\"}";
    world.create_order_topic(1).await;
    world.send_orders((1..=3).map(|quantity| ("A-17".to_owned(), quantity))).await;
    let running = Running::start(world.order_config(&[])).await;
    world.wait_for_finished_orders(&running, &world.order_topic(), 3).await;
    running.stop().await;

    world.delete(&world.order_topic()).await;
    world.create_order_topic(1).await;
    world.send_order_to(0, SOME_TIME_MS + 120_000, State::new("A-17", 4)).await;
    let running = Running::start(world.order_config(&[])).await;
    running.wait_for_metric(SET_BACK, 1.0).await;
    running.wait_for_metric(&lag_of(&world.order_topic(), &world.order_topic(), 0), 0.0).await;
    assert_eq!((running.metric(NOT_NEWER).await, world.quantity("A-17").await), (Some(1.0), Some(3)));
    running.stop().await;

    // As the runbook says.
    let first = doc! { "$set": { "kafka.offset": -1_i64 } };
    world.orders().await.update_many(doc! { "kafka.erasedAt": { "$exists": false } }, first).await.unwrap();
    consumer(&world, &[], 0, &["offsets", "reset", "--kind", "order", "--to", "earliest"]).await;
    let running = Running::start(world.order_config(&[])).await;
    world.wait_for_order(State::new("A-17", 4)).await;
    assert_eq!(running.metric(SET_BACK).await, Some(0.0));
    running.stop().await;
}

async fn the_last_record_of_a_key_is_its_document(world: World) {
    world.create_order_topic(1).await;
    let ids = ["A-17", "Bestellung 18 ü", "0190d6b2-7b1e-7c39-8f2f-7f6f1f1f1f1f"];
    let states = (1..=3).flat_map(|quantity| ids.map(|id| (id.to_owned(), quantity)));
    world.send_orders(states).await;
    // Long enough for all of them to come into one batch.
    let running = Running::start(world.order_config(&[("CONSUMER_BATCH_INTERVAL", "1s")])).await;
    world.wait_for_finished_orders(&running, &world.order_topic(), 9).await;
    for id in ids {
        assert_eq!(world.quantity(id).await, Some(3), "{id}");
    }
    assert_eq!(all(&world.orders().await).await.len(), ids.len());
    assert_eq!((running.metric(STORED).await, running.metric(SUPERSEDED).await), (Some(3.0), Some(6.0)));

    world.send_order(State::new("A-17", 4)).await;
    world.wait_for_order(State::new("A-17", 4)).await;
    let stored = world.orders().await.find_one(doc! { "_id": "A-17" }).await.unwrap().unwrap();
    let time = DateTime::from_millis(SOME_TIME_MS);
    let expected = doc! {
        "_id": "A-17", "customer_id": "c", "product_id": "p", "quantity": 4_i64, "price": "19.99",
        "price_cents": 1_999_i64, "status": "PENDING", "created_at": time, "total_amount": "79.96",
        "total_amount_cents": 7_996_i64, "kafka": { "partition": 0, "offset": 9_i64, "timestamp": time },
    };
    assert_eq!(stored, expected);
    running.stop().await;
}

async fn older_batches_that_are_read_again_bring_nothing_back(world: World) {
    world.create_order_topic(1).await;
    let states = (1..=5).flat_map(|quantity| ["A", "B", "C"].map(|id| (id.to_owned(), quantity)));
    world.send_orders(states).await;
    let first = Running::start(world.order_config(&[])).await;
    world.wait_for_finished_orders(&first, &world.order_topic(), 15).await;
    first.stop().await;
    let before = all(&world.orders().await).await;

    // Each state is written by itself, as it was first.
    let (group, one) = (format!("{}-again", world.topic), ("CONSUMER_BATCH_MESSAGES", "1"));
    let again = Running::start(world.order_config(&[("ORDER_KAFKA_GROUP", &group), one])).await;
    world.wait_for_finished_orders(&again, &group, 15).await;
    assert_eq!((again.metric(STORED).await, again.metric(NOT_NEWER).await), (Some(0.0), Some(15.0)));
    assert_eq!(all(&world.orders().await).await, before);
    again.stop().await;
}

async fn batches_that_are_written_at_the_same_time_leave_the_latest_state(world: World) {
    const KEYS: i64 = 10;
    const STATES: i64 = 30;
    world.create_order_topic(1).await;
    let settings = [("CONSUMER_BATCH_MESSAGES", "7"), ("CONSUMER_CONCURRENT_FLUSHES", "8")];
    let running = Running::start(world.order_config(&settings)).await;
    world.send_orders((1..=STATES).flat_map(|n| (0..KEYS).map(move |key| (format!("A-{key}"), n)))).await;
    world.wait_for_finished_orders(&running, &world.order_topic(), KEYS * STATES).await;
    for key in 0..KEYS {
        assert_eq!(world.quantity(&format!("A-{key}")).await, Some(STATES));
    }
    running.stop().await;
}

/// FerretDB waits for itself without end if a command has a hundred replacements.
async fn a_large_batch_replaces_what_is_there(world: World) {
    const KEYS: i64 = 300;
    world.create_order_topic(1).await;
    let settings = [("CONSUMER_BATCH_MESSAGES", "300"), ("CONSUMER_BATCH_INTERVAL", "1s")];
    let running = Running::start(world.order_config(&settings)).await;
    for round in 1..=2 {
        world.send_orders((0..KEYS).map(|key| (format!("A-{key}"), round))).await;
        world.wait_for_finished_orders(&running, &world.order_topic(), round * KEYS).await;
    }
    let orders = all(&world.orders().await).await;
    assert_eq!(orders.len(), KEYS as usize);
    assert!(orders.iter().all(|order| order.get_i64("quantity").unwrap() == 2));
    // A store that answers too late is asked again, and then has them already.
    if running.metric(RETRIES).await == Some(0.0) {
        assert_eq!(running.metric(STORED).await, Some(2.0 * KEYS as f64));
    }
    running.stop().await;
}

async fn a_document_without_a_place_is_not_replaced(world: World) {
    world.create_order_topic(1).await;
    let foreign = doc! { "_id": "A", "note": "written by hand" };
    world.orders().await.insert_one(&foreign).await.unwrap();
    world.send_order(State::new("A", 1)).await;
    world.send_order(State::new("B", 1)).await;
    let running = Running::start(world.order_config(&[])).await;
    let letters = world.wait_for_order_letters(1).await;
    assert_eq!((letters[0].0.reason, letters[0].0.offset), (Reason::Conflict, 0));
    world.wait_for_order(State::new("B", 1)).await;
    assert_eq!(world.orders().await.find_one(doc! { "_id": "A" }).await.unwrap(), Some(foreign));
    running.stop().await;
}

async fn a_replay_brings_no_older_state_back(world: World) {
    world.create_order_topic(1).await;
    let index = world.make_products_unique().await;
    for state in [State::new("X", 1), State::new("A", 1), State::new("B", 1)] {
        world.send_order(state).await;
    }
    let running = Running::start(world.order_config(&[])).await;
    let mut letters = world.wait_for_order_letters(2).await;
    letters.sort_by_key(|(letter, _)| letter.offset);
    for ((letter, _), id) in letters.iter().zip(["A", "B"]) {
        assert_eq!((letter.reason, letter.id.to_string().as_str()), (Reason::Conflict, id));
    }
    world.wait_for_order(State::new("X", 1)).await;
    world.send_order(State { product: "q", ..State::new("A", 2) }).await;
    world.wait_for_order(State::new("A", 2)).await;

    world.orders().await.drop_index(index).await.unwrap();
    let list = dead_letters(&world, 0, &["list", "--kind", "order"]).await;
    assert!(list.contains("conflict  0  A  ") && list.ends_with("dead letters: 2, conflict 2\n"), "{list}");
    let sent = dead_letters(&world, 0, &["replay", "--kind", "order"]).await;
    assert!(sent.contains("acknowledged: 2\n"), "{sent}");
    world.wait_for_order(State::new("B", 1)).await;
    running.wait_for_metric(NOT_NEWER, 1.0).await;
    assert_eq!(world.quantity("A").await, Some(2), "what was replayed is older");
    let replayed = world.orders().await.find_one(doc! { "_id": "B" }).await.unwrap().unwrap();
    let offset = replayed.get_document("kafka").unwrap().get_i64("offset").unwrap();
    assert_eq!(offset, 2, "it stands where it stood first");
    running.stop().await;
}

async fn where_a_key_has_moved_the_time_decides(world: World) {
    world.create_order_topic(2).await;
    let running = Running::start(world.order_config(&[])).await;
    world.send_order_to(0, SOME_TIME_MS, State::new("A", 1)).await;
    world.wait_for_order(State::new("A", 1)).await;
    world.send_order_to(1, SOME_TIME_MS + 2, State::new("A", 2)).await;
    world.wait_for_order(State::new("A", 2)).await;
    world.send_order_to(0, SOME_TIME_MS + 1, State::new("A", 3)).await;
    running.wait_for_metric(NOT_NEWER, 1.0).await;
    assert_eq!(world.quantity("A").await, Some(2), "the other partition's record is older");
    // Within a partition the offset decides, whatever the times are.
    world.send_order_to(1, SOME_TIME_MS - 1, State::new("A", 4)).await;
    world.wait_for_order(State::new("A", 4)).await;
    running.stop().await;
}

/// They wait for each other's turn, and come in another order than they were sent.
#[tokio::test(flavor = "multi_thread")]
async fn batches_that_are_tried_again_leave_the_latest_state() {
    let world = World::on_mongodb().await;
    world.create_order_topic(1).await;
    let uri = named_uri(&world);
    let settings = [("CONSUMER_BATCH_MESSAGES", "1"), ("CONSUMER_CONCURRENT_FLUSHES", "8"), ("MONGO_URI", &uri)];
    let running = Running::start(world.order_config(&settings)).await;
    let failing = Failing::start(&world, "update", doc! { "errorCode": 91 }).await;
    world.send_orders((1..=8).map(|quantity| ("A".to_owned(), quantity))).await;
    running.wait_for_readyz("order: flush: MongoDB does not take documents").await;
    failing.no_more().await;
    world.wait_for_finished_orders(&running, &world.order_topic(), 8).await;
    assert_eq!(world.quantity("A").await, Some(8));
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

/// The state is there, but not yet for certain.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_majority_has_not_acknowledged_is_not_stored() {
    let world = World::on_mongodb().await;
    world.create_order_topic(1).await;
    let uri = named_uri(&world);
    let running = Running::start(world.order_config(&[("MONGO_URI", &uri)])).await;
    let error = doc! { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out" };
    // A new key is inserted.
    let failing = Failing::start(&world, "insert", doc! { "writeConcernError": error.clone() }).await;
    world.send_order(State::new("A", 1)).await;
    running.wait_for_metric(NOT_NEWER, 1.0).await;
    failing.no_more().await;
    assert_eq!(running.metric(RETRIES).await, Some(1.0), "what was inserted was not taken for stored");
    world.wait_for_order(State::new("A", 1)).await;

    // One that was written before is replaced.
    let failing = Failing::start(&world, "update", doc! { "writeConcernError": error }).await;
    world.send_order(State::new("A", 2)).await;
    running.wait_for_readyz("order: flush: MongoDB does not take documents: write concern not met").await;
    world.wait_for_order(State::new("A", 2)).await;
    wait_until("it tried again", async || running.metric(RETRIES).await >= Some(3.0)).await;
    assert_eq!((running.metric(STORED).await, running.metric(NOT_NEWER).await), (Some(0.0), Some(1.0)));
    failing.no_more().await;
    running.wait_for_metric(NOT_NEWER, 2.0).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}
