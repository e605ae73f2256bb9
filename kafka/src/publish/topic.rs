//! Creates the publisher's topic.

use std::sync::Arc;

use anyhow::{Context, bail};
use rskafka::client::error::ProtocolError;

use super::config::PublishConfig;
use crate::broker::Broker;
use crate::security::Connector;

/// Creates the topic with the partitions and replicas of the settings. One that is there is left as it is: a broker may
/// not know it yet, after its own start or the topic's.
///
/// # Errors
/// Why it may not exist; another try may succeed.
pub(super) async fn create(config: &PublishConfig, connector: &Arc<Connector>) -> anyhow::Result<()> {
    let PublishConfig { cluster, topic, partitions, replication, .. } = config;
    let cannot = || format!("cannot create the topic {topic}");
    let broker = Broker::connect_to_any(connector, &cluster.brokers).await.with_context(cannot)?;
    match broker.create_topic(topic, *partitions, *replication, &[]).await.with_context(cannot)? {
        Ok(()) => tracing::info!(partitions, replication, "Topic created: {topic}"),
        Err((ProtocolError::TopicAlreadyExists, _)) => {}
        Err((_, reason)) => bail!("{}: {reason}", cannot()),
    }
    Ok(())
}
