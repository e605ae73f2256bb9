//! Creates the publisher's topic.

use anyhow::Context;
use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::{Client, ClientBuilder};

use super::broker::{ANSWER_TIMEOUT, answer, first_answer};
use super::config::PublishConfig;

/// Creates the topic with the partitions and replicas of the settings. One that is there is left as it is: a broker may
/// not know it yet, after its own start or the topic's.
///
/// # Errors
/// Why it may not exist; another try may succeed.
pub(super) async fn create(config: &PublishConfig) -> anyhow::Result<()> {
    let controller = client(&config.brokers).await?.controller_client()?;
    let timeout_ms = i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX);
    let created = answer(async {
        Ok(controller.create_topic(&config.topic, config.partitions, config.replication, timeout_ms).await?)
    });
    match created.await {
        Ok(()) => {
            tracing::info!(
                partitions = config.partitions,
                replication = config.replication,
                "Topic created: {}",
                config.topic
            );
            Ok(())
        }
        Err(error) if is_already_there(&error) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot create the topic {}", config.topic)),
    }
}

/// A client that is connected to the first broker that answers.
async fn client(brokers: &[String]) -> anyhow::Result<Client> {
    // No retries: who wants the topic asks again.
    let backoff = BackoffConfig { deadline: Some(ANSWER_TIMEOUT), ..BackoffConfig::default() };
    let connect = |broker: String| {
        let builder = ClientBuilder::new(vec![broker]).client_id("producer").backoff_config(backoff.clone());
        answer(async { Ok(builder.build().await?) })
    };
    first_answer(brokers.iter().cloned(), connect).await.context("cannot connect")
}

fn is_already_there(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<Error>(),
        Some(Error::ServerError { protocol_error: ProtocolError::TopicAlreadyExists, .. })
    )
}
