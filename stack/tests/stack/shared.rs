//! The stack that the tests of one binary share.

use bson::{Document, doc};
use rskafka::client::ClientBuilder;

/// Each test has its own runtime, which ends with it; the stack must not end with the first test's.
async fn both_servers_answer(name: &str) {
    let stack = stack::shared().await;
    let kafka = ClientBuilder::new(vec![stack.kafka_broker().to_owned()]).build().await.unwrap();
    kafka.controller_client().unwrap().create_topic(name, 1, 1, 5_000).await.unwrap();
    let mongo = mongodb::Client::with_uri_str(stack.mongo_uri()).await.unwrap();
    let database = mongo.default_database().unwrap();
    assert_eq!(database.name(), "scalable-api");
    database.collection::<Document>(name).insert_one(doc! { "_id": 1 }).await.unwrap();
    assert!(stack.chosen.starts_with("Kafka "), "{}", stack.chosen);
}

#[tokio::test]
async fn a_first_test_uses_it() {
    both_servers_answer("first").await;
}

#[tokio::test]
async fn a_second_test_uses_it() {
    both_servers_answer("second").await;
}
