//! Orders in a world of their own: what a test sends, and what is stored of it.

use bson::{Document, doc};
use consumer::ConsumerConfig;
use contract::DeadLetter;
use mongodb::Collection;
use mongodb::options::IndexOptions;
use rdkafka::message::OwnedMessage;
use rdkafka::producer::FutureRecord;

use crate::running::Endpoints;
use crate::support::{DEADLINE, World, lag_of, wait_until};

/// Records that were stored.
pub(crate) const STORED: &str = "ingest_records_stored_total{kind=\"order\"}";

/// Records for which something as new was stored before.
pub(crate) const NOT_NEWER: &str = "ingest_records_duplicate_total{kind=\"order\"}";

/// Records that a later one of their batch stands for.
pub(crate) const SUPERSEDED: &str = "ingest_records_superseded_total{kind=\"order\"}";

/// A time that no test waits for.
pub(crate) const SOME_TIME_MS: i64 = 1_700_000_000_000;

/// A state of an order. Its quantity is a number to recognise it by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State<'a> {
    pub(crate) id: &'a str,
    pub(crate) quantity: i64,
    pub(crate) product: &'a str,
}

impl<'a> State<'a> {
    pub(crate) fn new(id: &'a str, quantity: i64) -> Self {
        Self { id, quantity, product: "p" }
    }

    fn value(self) -> Vec<u8> {
        let Self { id, quantity, product } = self;
        let order = serde_json::json!({
            "order_id": id, "customer_id": "c", "product_id": product, "quantity": quantity, "price": "19.99",
        });
        order.to_string().into_bytes()
    }
}

impl World {
    pub(crate) fn order_topic(&self) -> String {
        format!("orders-{}", self.topic)
    }

    pub(crate) fn order_dead_letter_topic(&self) -> String {
        format!("{}.dlq", self.order_topic())
    }

    pub(crate) async fn create_order_topic(&self, partitions: i32) {
        self.create(&self.order_topic(), partitions, &[]).await;
    }

    /// The settings of a consumer that serves orders alone, and soon, with these on top.
    pub(crate) fn order_config(&self, set: &[(&str, &str)]) -> ConsumerConfig {
        let own = [("KINDS", "order"), ("CONSUMER_BATCH_INTERVAL", "100ms")];
        self.config(&[&own[..], set].concat())
    }

    /// Sends a state to partition 0 and waits for its acknowledgement.
    pub(crate) async fn send_order(&self, state: State<'_>) {
        self.send_order_to(0, SOME_TIME_MS, state).await;
    }

    pub(crate) async fn send_order_to(&self, partition: i32, timestamp_ms: i64, state: State<'_>) {
        self.send_to_orders(partition, timestamp_ms, Some(state.id.as_bytes()), &state.value()).await;
    }

    pub(crate) async fn send_to_orders(&self, partition: i32, timestamp_ms: i64, key: Option<&[u8]>, value: &[u8]) {
        let topic = self.order_topic();
        let record = FutureRecord { key, ..FutureRecord::to(&topic) };
        let record = record.partition(partition).payload(value).timestamp(timestamp_ms);
        self.producer.send(record, DEADLINE).await.unwrap();
    }

    /// Sends states to partition 0 in their order, and waits for all of them.
    pub(crate) async fn send_orders(&self, states: impl IntoIterator<Item = (String, i64)>) {
        let (topic, mut sending) = (self.order_topic(), Vec::new());
        for (id, quantity) in states {
            let value = State::new(&id, quantity).value();
            let record = FutureRecord::to(&topic).partition(0).key(&id).payload(&value).timestamp(SOME_TIME_MS);
            sending.push(self.producer.send_result(record).map_err(|(error, _)| error).unwrap());
        }
        for delivery in sending {
            delivery.await.unwrap().unwrap();
        }
    }

    pub(crate) async fn orders(&self) -> Collection<Document> {
        self.collection("orders").await
    }

    /// The quantity of an order, if it is stored.
    pub(crate) async fn quantity(&self, id: &str) -> Option<i64> {
        let order = self.orders().await.find_one(doc! { "_id": id }).await.unwrap();
        order.map(|order| order.get_i64("quantity").unwrap())
    }

    pub(crate) async fn wait_for_order(&self, state: State<'_>) {
        let what = format!("{state:?} is stored");
        wait_until(&what, async || self.quantity(state.id).await == Some(state.quantity)).await;
    }

    /// Waits until the consumer has stored this many records of partition 0, or something as new, and has committed
    /// them.
    pub(crate) async fn wait_for_finished_orders(&self, consumer: &Endpoints, group: &str, count: i64) {
        wait_until(&format!("{count} orders are finished"), async || {
            let mut finished = 0.0;
            for counter in [STORED, NOT_NEWER, SUPERSEDED] {
                finished += consumer.metric(counter).await.unwrap_or_default();
            }
            finished == count as f64
        })
        .await;
        consumer.wait_for_metric(&lag_of(group, &self.order_topic(), 0), 0.0).await;
    }

    pub(crate) async fn wait_for_order_letters(&self, count: usize) -> Vec<(DeadLetter, OwnedMessage)> {
        self.wait_for_dead_letters_in(&self.order_dead_letter_topic(), count).await
    }

    /// Of all orders, one product has at most one from now on. Returns the index's name.
    pub(crate) async fn make_products_unique(&self) -> String {
        let unique = IndexOptions::builder().unique(true).build();
        let index = mongodb::IndexModel::builder().keys(doc! { "product_id": 1 }).options(unique).build();
        self.orders().await.create_index(index).await.unwrap().index_name
    }
}
