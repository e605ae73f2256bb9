//! Connects clients and bounds the wait for their answers: rskafka itself would wait forever for both.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rskafka::BackoffConfig;
use rskafka::client::error::Error;
use rskafka::client::{Client, ClientBuilder};
use tokio::task::JoinSet;

/// Longest wait for an answer of Kafka outside of produce requests.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long rskafka retries a request: briefly, because the supervisor and the lanes retry themselves, and look for the
/// leader again.
const RETRY_TIME: Duration = Duration::from_millis(500);

/// A new client, connected to the first broker that answers: all are asked at the same time, so that a frozen one costs
/// no time.
pub(super) async fn client(brokers: &[String]) -> anyhow::Result<Client> {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(50),
        max_backoff: Duration::from_secs(1),
        base: 2.0,
        deadline: Some(RETRY_TIME),
    };
    let mut connecting = JoinSet::new();
    for broker in brokers {
        let builder = ClientBuilder::new(vec![broker.clone()]).client_id("producer");
        connecting.spawn(answer(builder.backoff_config(backoff.clone()).build()));
    }
    let mut why = anyhow!("KAFKA_BROKER names no broker");
    while let Some(connected) = connecting.join_next().await {
        match connected.context("connecting failed")? {
            Ok(client) => return Ok(client),
            Err(error) => why = error,
        }
    }
    Err(why.context("cannot connect"))
}

/// Bounds the wait for an answer.
pub(super) async fn answer<T>(request: impl Future<Output = Result<T, Error>>) -> anyhow::Result<T> {
    match tokio::time::timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => bail!("no answer within {ANSWER_TIMEOUT:?}"),
    }
}
