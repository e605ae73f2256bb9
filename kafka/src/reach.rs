//! Whether a cluster can be reached, and why not. librdkafka only says that it cannot, without the reason.

use std::sync::Arc;

use service::cluster::Cluster;

use crate::broker::{reach_topic, topic_is_readable};
use crate::security::Connector;

/// Connects to one of the cluster's brokers as the services do, with its certificate checked and the user shown, and
/// asks for a topic, which need not exist.
///
/// # Errors
/// Why none of the brokers can be used, within four seconds; or why the topic cannot.
pub async fn reach(cluster: &Cluster, topic: &str) -> anyhow::Result<()> {
    reach_topic(&Arc::new(Connector::new(&cluster.security)), cluster, topic).await
}

/// Whether the user may read the topic: that librdkafka says only once.
pub(crate) async fn may_read(cluster: &Cluster, topic: &str) -> bool {
    let connector = Arc::new(Connector::new(&cluster.security));
    topic_is_readable(&connector, cluster, topic).await.unwrap_or(false)
}
