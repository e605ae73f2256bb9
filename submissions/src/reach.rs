//! Whether what the service needs can be reached, for `--check-config --connect`.

use crate::SubmissionsConfig;
use crate::store::reach_postgres;

/// Whether the database and Kafka can be reached, where they are servers.
pub(crate) async fn reach(config: SubmissionsConfig) -> Vec<(String, anyhow::Result<()>)> {
    let mut outcomes = Vec::new();
    if !config.database_url.is_file() {
        outcomes.push(("PostgreSQL".to_owned(), reach_postgres(config.database_url.url()).await));
    }
    #[cfg(feature = "kafka")]
    if let Some(crate::KafkaConfig { cluster, topic, .. }) = &config.kafka {
        outcomes.push((format!("Kafka, topic {topic}"), kafka::reach(cluster, topic).await));
    }
    outcomes
}
