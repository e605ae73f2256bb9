//! The dead-letter topic: an existing one is used as it is, and needs no right to create it. A missing one is created
//! so that it keeps every letter until someone has looked at it, and takes whatever the records' topic takes.

use std::sync::Arc;

use anyhow::{Context, bail};
use contract::dead_letter::HEADERS_MAX_BYTES;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;

use super::config::{ANSWER_TIMEOUT, GroupConfig};
use super::context::GroupConsumer;
use crate::topics::{Admin, LARGEST, TopicSettings};

/// Kafka's default of [`LARGEST`].
const LARGEST_BY_DEFAULT: usize = 1_048_588;

/// Makes sure that the topic exists.
///
/// # Errors
/// Why it may not exist; another try may succeed.
pub(super) async fn prepare<R: Send + Sync + 'static>(
    config: &GroupConfig,
    consumer: &Arc<GroupConsumer<R>>,
    replication: i16,
) -> anyhow::Result<()> {
    let (asking, topic) = (Arc::clone(consumer), config.dead_letter_topic.clone());
    if tokio::task::spawn_blocking(move || exists(&asking, &topic)).await?? {
        return Ok(());
    }
    let admin = Admin::new(&config.cluster, "consumer", ANSWER_TIMEOUT)?;
    let largest = largest_record(&admin, &config.topic).await?.saturating_add(HEADERS_MAX_BYTES);
    // Kafka's setting is a 32-bit number.
    let largest = largest.min(i32::MAX as usize).to_string();
    let configs = vec![("retention.ms".to_owned(), "-1".to_owned()), (LARGEST.to_owned(), largest.clone())];
    let (name, settings) = (&config.dead_letter_topic, TopicSettings { partitions: 1, replication, configs });
    if admin.create(name, &settings).await.context("cannot create the dead-letter topic")? {
        tracing::info!(replication, max_message_bytes = largest, "Topic created: {name}");
    }
    Ok(())
}

/// Whether Kafka knows the topic; blocks until it has answered.
fn exists<R: Send + Sync + 'static>(consumer: &GroupConsumer<R>, topic: &str) -> anyhow::Result<bool> {
    let cannot = || format!("cannot look for the dead-letter topic {topic}");
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_TIMEOUT).with_context(cannot)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(false) };
    match found.error().map(RDKafkaErrorCode::from) {
        None => Ok(!found.partitions().is_empty()),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(false),
        Some(code @ RDKafkaErrorCode::TopicAuthorizationFailed) => {
            bail!("{}: {code}: the user needs Write on the topic {topic}, see docs/security.md", cannot())
        }
        Some(code) => bail!("{}: {code}", cannot()),
    }
}

/// The `max.message.bytes` that is in force for the topic, the broker's default included; Kafka's own default where
/// Kafka does not say.
async fn largest_record(admin: &Admin, topic: &str) -> anyhow::Result<usize> {
    let cannot = || format!("cannot ask for the settings of the topic {topic}");
    match admin.setting(topic, LARGEST).await.with_context(cannot)? {
        Ok(largest) => Ok(largest.parse().unwrap_or(LARGEST_BY_DEFAULT)),
        Err(code) => {
            tracing::warn!(topic, reason = %code, "Kafka does not say the topic's {LARGEST}, its default is assumed");
            Ok(LARGEST_BY_DEFAULT)
        }
    }
}
