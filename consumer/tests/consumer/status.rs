//! The page at `/status`.

use stack::free_port;

use crate::running::Running;
use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_a_ready_consumer_with_the_lag_of_its_partitions() {
    let world = World::new(2).await;
    world.send_to(Some(0), None, Some(b"no post")).await;
    let running = Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "100ms")])).await;
    world.send_posts(3).await;
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 3.0).await;
    // The other partition may have none of the posts, and then nothing is committed for it.
    let committed =
        "<tr><th scope=\"row\">0</th><td class=\"number\">0</td><td class=\"number\">0 s</td><td class=\"number\">";
    let page = running.wait_for_page(&[committed, "<dt>Lag</dt><dd>0 <small>", "<dt>Stored</dt><dd>3</dd>"]).await;
    for part in [
        "<title>consumer: ready</title>",
        "<strong>Kafka</strong> OK<",
        "<strong>MongoDB</strong> OK<",
        "<tr><th scope=\"row\">1</th>",
        "<dt>Consumed</dt><dd>4</dd>",
        "<dt>Dead letters</dt><dd>1</dd>",
        "<tr><th scope=\"row\">post undecodable</th><td class=\"number\">1</td></tr>",
        &format!("<dt>KAFKA_GROUP</dt><dd><strong>{}</strong>", world.topic),
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_store_it_says_what_it_waits_for_and_no_password() {
    let stack = stack::shared().await;
    let world = World::without_topic(stack);
    let uri = format!(
        "mongodb://somebody:hunter2@127.0.0.1:{}/db?tls=true\
         &authMechanismProperties=SERVICE_NAME:hunter3&serverSelectionTimeoutMS=100",
        free_port()
    );
    let running = Running::start(world.config(&[("MONGO_URI", &uri)])).await;
    let page =
        running.wait_for_page(&["<h1>Not ready</h1>", "<strong>MongoDB</strong> ", "mongodb://***@127.0.0.1:"]).await;
    assert!(!page.contains("hunter") && !page.contains("somebody"), "{page}");
    assert!(page.contains("None: the group has not given this member any"), "{page}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_listeners_have_every_page() {
    let world = World::new(1).await;
    let running = Running::start(world.config(&[])).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    let released = running.ask_as_operator("POST /dead-letters/release").await;
    assert!(released.starts_with("HTTP/1.1 202"), "{released}");
    for path in ["/", "/livez", "/readyz", "/health", "/metrics", "/status"] {
        let request = format!("GET {path}");
        for answer in [running.ask(&request).await, running.ask_as_operator(&request).await] {
            assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
    }
    running.stop().await;
}
