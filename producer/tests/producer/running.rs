//! A producer that runs within the test.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use producer::ProducerConfig;
use service::{Listeners, Settings};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::client::{Connection, PATIENCE, Response, request, within_patience};
use crate::topic::fresh_topic;

/// How often to ask about something that cannot be awaited.
const POLL_PAUSE: Duration = Duration::from_millis(20);

/// A running producer; it ends with the test's runtime, if not before.
pub(crate) struct Producer {
    pub(crate) address: SocketAddr,
    /// Where it listens for those who run it.
    pub(crate) operators: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Producer {
    /// Starts it with these variables set, and no others.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        let lookup = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let config = ProducerConfig::read(&mut settings);
        assert_eq!(settings.finish().1, []);
        let listeners = Listeners::bind("127.0.0.1", 0, 0).await.unwrap();
        let (addresses, stop) = (listeners.addresses().unwrap(), CancellationToken::new());
        let running = tokio::spawn(producer::run(config, listeners, stop.clone()));
        Self { address: addresses.clients, operators: addresses.operators, stop, running }
    }

    /// Starts it without any Kafka.
    pub(crate) async fn without_kafka(variables: &[(&str, &str)]) -> Self {
        let nowhere = format!("127.0.0.1:{}", stack::free_port());
        Self::start(&[&[("KAFKA_BROKER", nowhere.as_str())], variables].concat()).await
    }

    /// Starts it with this topic of the broker that all tests share, and waits until it is ready. Its timeout allows
    /// for a slow broker on a busy machine.
    pub(crate) async fn with_kafka(topic: &str, variables: &[(&str, &str)]) -> Self {
        Self::with_topic(topic, &[&[("PRODUCER_TIMEOUT", "30s")], variables].concat()).await
    }

    /// The same, with its own timeout.
    pub(crate) async fn with_topic(topic: &str, variables: &[(&str, &str)]) -> Self {
        let broker = stack::shared().await.kafka_broker();
        let kafka = [("KAFKA_BROKER", broker), ("KAFKA_TOPIC", topic)];
        let producer = Self::start(&[&kafka, variables].concat()).await;
        producer.ready().await;
        producer
    }

    /// The same with this topic for orders, and one of its own for posts.
    pub(crate) async fn with_orders(topic: &str, variables: &[(&str, &str)]) -> Self {
        Self::with_kafka(&fresh_topic(), &[&[("ORDER_KAFKA_TOPIC", topic)], variables].concat()).await
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Response {
        self.connect().await.ask(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.ask(request("GET", path)).await
    }

    /// Gets a page as those who run it do.
    pub(crate) async fn look(&self, path: &str) -> Response {
        Connection::open(self.operators).await.ask(request("GET", path)).await
    }

    /// Sends all requests at the same time, each on its own connection; the responses are in the requests' order.
    pub(crate) async fn ask_all(&self, requests: impl Iterator<Item = Vec<u8>>) -> Vec<Response> {
        let mut asked = JoinSet::new();
        for (index, request) in requests.enumerate() {
            let address = self.address;
            asked.spawn(async move { (index, Connection::open(address).await.ask(request).await) });
        }
        let mut responses = asked.join_all().await;
        responses.sort_by_key(|(index, _)| *index);
        responses.into_iter().map(|(_, response)| response).collect()
    }

    /// Waits until `/readyz` says 200.
    pub(crate) async fn ready(&self) {
        eventually("ready", async || self.look("/readyz").await.status == 200).await;
    }

    /// Waits until `/metrics` has this line.
    pub(crate) async fn metric(&self, line: &str) {
        eventually(line, async || self.look("/metrics").await.text().lines().any(|other| other == line)).await;
    }

    /// Waits until this many orders await acknowledgement.
    pub(crate) async fn orders_in_flight(&self, orders: usize) {
        self.metric(&format!(r#"ingest_in_flight_records{{kind="order"}} {orders}"#)).await;
    }

    /// Asks it to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops it, and returns the outcome of `run`.
    pub(crate) async fn stopped(self) -> anyhow::Result<()> {
        within_patience("the producer's end", self.running).await.unwrap()
    }
}

/// Waits until `happened` is true, by asking again and again.
pub(crate) async fn eventually(what: &str, happened: impl AsyncFn() -> bool) {
    let asking = async {
        while !happened().await {
            tokio::time::sleep(POLL_PAUSE).await;
        }
    };
    if tokio::time::timeout(PATIENCE, asking).await.is_err() {
        panic!("{what}: not within {PATIENCE:?}");
    }
}
