//! What becomes of records of the orders' topic, and how the consumer shows two kinds.

use std::process::Command;

use contract::dead_letter::Reason;
use rdkafka::message::Message;

use crate::order_world::{SOME_TIME_MS, State};
use crate::running::Running;
use crate::support::{World, ids};

const BOTH: [(&str, &str); 2] = [("KINDS", "post,order"), ("CONSUMER_BATCH_INTERVAL", "100ms")];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_an_order_under_its_key_is_a_dead_letter_and_those_behind_it_are_stored() {
    let world = World::new(1).await;
    world.create_order_topic(1).await;
    let invalid = br#"{"order_id":"A","customer_id":"c","product_id":"p","quantity":0,"price":"1.001"}"#;
    let order = br#"{"order_id":"A","customer_id":"c","product_id":"p","quantity":1,"price":"1.00"}"#;
    for (key, value) in [(None, &order[..]), (Some(&b"B"[..]), order), (Some(b"A"), invalid), (Some(b"A"), b"[]")] {
        world.send_to_orders(0, SOME_TIME_MS, key, value).await;
    }
    world.send_order(State::new("A", 7)).await;
    let running = Running::start(world.order_config(&[])).await;
    world.wait_for_order(State::new("A", 7)).await;
    let letters = world.wait_for_order_letters(4).await;
    let mut seen: Vec<_> = letters
        .iter()
        .map(|(letter, message)| (letter.offset, letter.reason, letter.id.to_string(), message.key().is_some()))
        .collect();
    seen.sort_by_key(|(offset, ..)| *offset);
    let expected = [Reason::Invalid, Reason::Invalid, Reason::Invalid, Reason::Undecodable];
    for (offset, (reason, letter)) in expected.into_iter().zip(seen).enumerate() {
        assert_eq!(letter, (offset as i64, reason, "A".to_owned(), offset > 0));
    }
    let message = |offset| &letters.iter().find(|(letter, _)| letter.offset == offset).unwrap().0.message;
    assert_eq!(message(1), "key must be the order_id");
    assert!(message(2).contains("quantity ") && message(2).contains("price "), "{}", message(2));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_are_stored_and_shown_each_with_its_partitions() {
    let world = World::new(1).await;
    world.create_order_topic(1).await;
    let posts = world.send_posts(3).await;
    world.send_order(State::new("A", 1)).await;
    let running = Running::start(world.config(&BOTH)).await;
    world.wait_for_order(State::new("A", 1)).await;
    assert_eq!(ids(&world.wait_for_documents(3).await), posts);
    running.wait_for_readyz("HTTP/1.1 200").await;
    for topic in [&world.topic, &world.order_topic()] {
        assert_eq!(running.held(topic).await, 1, "{topic}");
    }
    let page = running.wait_for_page(&["<dt>Lag</dt><dd>0 <small>", "<dt>Stored</dt><dd>4</dd>"]).await;
    for part in [
        "<title>consumer: ready</title>",
        "<strong>Kafka</strong> OK<",
        "<strong>order: Kafka</strong> OK<",
        "<strong>order: MongoDB</strong> OK<",
        "<h2>Partitions of posts held</h2>",
        "<h2>Partitions of orders held</h2>",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_has_a_brake_and_one_request_releases_all() {
    const BAD: usize = 6;
    let world = World::new(1).await;
    world.create_order_topic(1).await;
    let limits = [("DLQ_MAX_CONSECUTIVE", "4"), ("CONSUMER_CONCURRENT_FLUSHES", "1")];
    let running = Running::start(world.config(&[&BOTH[..], &limits].concat())).await;
    for _ in 0..BAD {
        world.send_to_orders(0, SOME_TIME_MS, Some(b"A"), b"not an order").await;
    }
    running.wait_for_readyz("\"order: dead_letters: consuming is paused").await;
    let posts = world.send_posts(3).await;
    assert_eq!(ids(&world.wait_for_documents(3).await), posts, "only orders are paused");
    for _ in 0..BAD {
        world.send(None, Some(b"not a post")).await;
    }
    running.wait_for_readyz("\"dead_letters: consuming is paused").await;
    let answer = running.ask("POST /dead-letters/release").await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    world.wait_for_dead_letters(BAD).await;
    world.wait_for_order_letters(BAD).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_conditions_gets_one_batch_of_orders_at_a_time() {
    let world = World::new(1).await;
    world.create_order_topic(1).await;
    let running = Running::start(world.order_config(&[("ORDER_CONSUMER_CONCURRENT_FLUSHES", "8")])).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    assert_eq!(running.metric("ingest_flushes_in_flight_limit{kind=\"order\"}").await, Some(1.0));
    running.stop().await;
}

#[test]
fn the_kinds_are_listed_with_their_names() {
    let consumer = |arguments: &[&str], set: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
        let output = command.env_clear().args(arguments).envs(set.iter().copied()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
    };
    let (code, text) = consumer(&["kinds"], &[("KINDS", "order"), ("ORDER_KAFKA_TOPIC", "shop.orders")]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((code, lines.len()), (Some(0), 2), "{text}");
    let row: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(row[..5], ["order", "shop.orders", "order-processing-group", "orders.dlq", "orders"]);
    assert!(lines[1].ends_with("(upsert)"), "{text}");
    for (arguments, set, expected) in [
        (&["kinds"][..], &[("KINDS", "orders")][..], "KINDS: must be names of kinds"),
        (&["kinds", "all"], &[], "cannot understand `all`"),
        (&["dead-letters", "list", "--kind", "orders"], &[], "there is no kind orders; these are: post, order"),
    ] {
        let (code, text) = consumer(arguments, set);
        assert!(code == Some(64) && text.contains(expected), "{code:?} {text}");
    }
}
