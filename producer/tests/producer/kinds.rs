//! Several kinds in one producer: which are served, and that each is on its own.

use crate::client::{Connection, POST, post, request};
use crate::orders::{ORDER, order};
use crate::running::{Producer, eventually};
use crate::topic::{fresh_topic, records};

const POST_PATHS: [&str; 2] = ["/create-post", "/create-posts"];
const ORDER_PATHS: [&str; 4] = ["/api/orders/", "/api/orders", "/api/orders/bulk", "/api/health"];

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_not_served_has_no_paths() {
    let (posts, orders) = (fresh_topic(), fresh_topic());
    for (kind, served, unknown) in [("post", &POST_PATHS[..], &ORDER_PATHS[..]), ("order", &ORDER_PATHS, &POST_PATHS)] {
        let settings = [("KINDS", kind), ("ORDER_KAFKA_TOPIC", &orders)];
        // It waits for nothing of the other kind.
        let producer = Producer::with_kafka(&posts, &settings).await;
        for path in unknown {
            for method in ["GET", "POST", "BREVE"] {
                producer.ask(request(method, path)).await.problem(404);
            }
        }
        for path in served {
            producer.ask(request("DELETE", path)).await.problem(405);
        }
        assert_eq!(producer.ask(post(POST)).await.status, if kind == "post" { 201 } else { 404 });
        assert_eq!(producer.ask(order(ORDER)).await.status, if kind == "order" { 201 } else { 404 });
        producer.stop();
        producer.stopped().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_has_its_topic() {
    let (posts, orders) = (fresh_topic(), fresh_topic());
    let producer = Producer::with_kafka(&posts, &[("ORDER_KAFKA_TOPIC", &orders)]).await;
    let mut connection = producer.connect().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(connection.ask(post(POST)).await.created_id());
        assert_eq!(connection.ask(order(ORDER)).await.status, 201);
    }
    let broker = stack::shared().await.kafka_broker();
    let (posts, orders) = (records(broker, &posts).await, records(broker, &orders).await);
    let mut keys: Vec<String> = posts.iter().map(|record| record.key.clone()).collect();
    keys.sort();
    ids.sort();
    assert_eq!(keys, ids);
    assert!(posts.iter().all(|record| record.value == POST));
    assert_eq!(orders.iter().map(|record| record.key.as_str()).collect::<Vec<_>>(), ["A-17"; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_has_its_own_room_in_flight() {
    let settings = [("PRODUCER_MAX_IN_FLIGHT", "1"), ("PRODUCER_LINGER", "2s"), ("PRODUCER_LINGER_ADAPTIVE", "false")];
    let producer = Producer::with_orders(&fresh_topic(), &settings).await;
    let open = async |request: Vec<u8>| {
        let mut connection = Connection::open(producer.address).await;
        connection.send(request).await;
        connection
    };
    let mut first_post = open(post(POST)).await;
    producer.metric(r#"ingest_in_flight_records{kind="post"} 1"#).await;
    let mut first_order = open(order(ORDER)).await;
    eventually("no room for another order", async || {
        let page = producer.look("/status").await;
        page.text().contains("<dt>Orders in flight</dt><dd>1 <small>of 1</small></dd>")
    })
    .await;
    assert_eq!(producer.ask(post(POST)).await.unavailable(), "too many posts are in flight: try again");
    assert_eq!(producer.ask(order(ORDER)).await.unavailable(), "too many orders are in flight: try again");
    assert_eq!(first_post.receive().await.status, 201);
    assert_eq!(first_order.receive().await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_without_its_topic_says_so_and_holds_up_no_other() {
    let broker = stack::shared().await.kafka_broker();
    let settings = [("KAFKA_BROKER", broker), ("KAFKA_TOPIC", &fresh_topic()), ("ORDER_KAFKA_TOPIC", "no such name")];
    let producer = Producer::start(&settings).await;
    eventually("only orders wait", async || {
        let response = producer.get("/readyz").await;
        let detail = response.problem(503)["detail"].as_str().unwrap().to_owned();
        detail.starts_with("order: kafka: the topic no such name cannot be used")
    })
    .await;
    assert_eq!(producer.ask(post(POST)).await.status, 201);
    assert_eq!(producer.ask(order(ORDER)).await.unavailable(), "Kafka cannot be reached: try again");
    let page = producer.look("/status").await;
    for part in ["<strong>Kafka</strong> OK<", "<strong>order: Kafka</strong> the topic no such name cannot be used"] {
        assert!(page.text().contains(part), "{part} in\n{}", page.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_orders_have_a_health_check() {
    let producer = Producer::with_orders(&fresh_topic(), &[]).await;
    let response = producer.get("/api/health").await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!(response.text(), r#"{"status":"healthy"}"#);
    let mut connection = producer.connect().await;
    connection.send(request("HEAD", "/api/health")).await;
    assert_eq!(connection.receive_head().await.status, 200);
    let rejected = connection.ask(request("POST", "/api/health")).await;
    assert_eq!(rejected.header("allow"), Some("GET, HEAD"));
    rejected.problem(405);

    let waiting = Producer::without_kafka(&[]).await;
    let problem = waiting.get("/api/health").await.problem(503);
    assert!(problem["detail"].as_str().unwrap().contains("kafka: "), "{problem}");
    // Its body stays unread.
    let request = "GET /api/health HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\n";
    let mut connection = waiting.connect().await;
    assert_eq!(connection.ask(request).await.header("connection"), Some("close"));
    connection.closed().await;
}
