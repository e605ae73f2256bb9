//! The publisher's topic: an existing one is used as it is, a missing one is created.

use anyhow::{Context, bail};
use rskafka::client::Client;
use rskafka::client::error::{Error, ProtocolError};

use super::config::PublishConfig;
use super::connecting::{ANSWER_TIMEOUT, answer};

/// The topic's number of partitions, after creating it if it is missing.
///
/// # Errors
/// Why it may not exist; another try may succeed.
pub(super) async fn ensure(config: &PublishConfig, client: &Client) -> anyhow::Result<i32> {
    let topics = answer(client.list_topics()).await.context("cannot list the topics")?;
    if let Some(topic) = topics.iter().find(|topic| topic.name == config.topic) {
        let partitions = i32::try_from(topic.partitions.len()).context("too many partitions")?;
        if partitions != config.partitions {
            tracing::warn!(
                topic = config.topic,
                partitions,
                wanted = config.partitions,
                "the topic has another number of partitions than KAFKA_PARTITIONS, using the topic's"
            );
        }
        return Ok(partitions);
    }
    let controller = client.controller_client()?;
    let timeout_ms = i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX);
    match answer(controller.create_topic(&config.topic, config.partitions, config.replication, timeout_ms)).await {
        Ok(()) => {
            tracing::info!(
                partitions = config.partitions,
                replication = config.replication,
                "Topic created: {}",
                config.topic
            );
            Ok(config.partitions)
        }
        Err(error) if is_topic_already_there(&error) => bail!("the topic is being created"),
        Err(error) => Err(error).with_context(|| format!("cannot create the topic {}", config.topic)),
    }
}

fn is_topic_already_there(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<Error>(),
        Some(Error::ServerError { protocol_error: ProtocolError::TopicAlreadyExists, .. })
    )
}
