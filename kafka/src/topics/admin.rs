//! Creates, deletes and changes topics. What turns out to be already done counts as done, so a change whose answer was
//! lost can be repeated.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, ConfigSource, NewPartitions, ResourceSpecifier};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rskafka::client::error::ProtocolError;
use service::cluster::Cluster;

use crate::broker::Broker;
use crate::security::Connector;
use crate::security::librdkafka::{Callbacks, client_config};

/// Changes the topics and groups of one Kafka cluster.
pub struct Admin {
    cluster: Cluster,
    client: Arc<AdminClient<Callbacks>>,
    /// Longest wait for one answer.
    patience: Duration,
}

/// What a topic is created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSettings {
    /// How many partitions it has.
    pub partitions: i32,
    /// How many brokers have each partition.
    pub replication: i16,
    /// The topic's own configuration; everything else is the cluster's.
    pub configs: Vec<(String, String)>,
}

/// The topic's setting of the largest batch of records that it takes.
pub(crate) const LARGEST: &str = "max.message.bytes";

impl Admin {
    /// Connects on the first request, and waits this long for each answer.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(cluster: &Cluster, client_id: &str, patience: Duration) -> anyhow::Result<Self> {
        let client = client_config(cluster, client_id)?.create_with_context(Callbacks::new(&cluster.security));
        let client = Arc::new(client.context("cannot make the Kafka admin client")?);
        Ok(Self { cluster: cluster.clone(), client, patience })
    }

    /// The names of all topics that this user may see.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub async fn topics(&self) -> anyhow::Result<Vec<String>> {
        self.check()?;
        let (client, patience) = (Arc::clone(&self.client), self.patience);
        let listed = tokio::task::spawn_blocking(move || {
            let metadata = client.inner().fetch_metadata(None, patience)?;
            Ok::<_, KafkaError>(metadata.topics().iter().map(|topic| topic.name().to_owned()).collect())
        });
        Ok(listed.await??)
    }

    /// The value in force of one of this topic's settings, the broker's defaults included, or why Kafka does not say.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub async fn setting(&self, topic: &str, name: &str) -> anyhow::Result<Result<String, RDKafkaErrorCode>> {
        if self.gets_no_tokens() {
            return Ok(Err(RDKafkaErrorCode::NotImplemented));
        }
        let resources = self.client.describe_configs(&[ResourceSpecifier::Topic(topic)], &self.options()).await?;
        let described = resources.into_iter().next().unwrap_or(Err(RDKafkaErrorCode::Unknown));
        let value = |settings: ConfigResource| settings.get(name).and_then(|entry| entry.value.clone());
        Ok(described.and_then(|settings| value(settings).ok_or(RDKafkaErrorCode::Unknown)))
    }

    /// The same, or in words why it is not known.
    ///
    /// # Errors
    /// These words.
    pub async fn setting_or_why(&self, topic: &str, name: &str) -> Result<String, String> {
        match self.setting(topic, name).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) if self.gets_no_tokens() => Err("Kafka is not asked for settings with OAUTHBEARER".to_owned()),
            // rdkafka does not pass on why there are no settings.
            Ok(Err(_)) => Err(format!("the user needs DescribeConfigs on the topic {topic}, see docs/security.md")),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    /// The configuration that was set for this topic itself.
    ///
    /// # Errors
    /// When Kafka does not answer, or there is no such topic.
    pub async fn configs(&self, topic: &str) -> anyhow::Result<Vec<(String, String)>> {
        self.check()?;
        let mut configs = Vec::new();
        for resource in self.client.describe_configs(&[ResourceSpecifier::Topic(topic)], &self.options()).await? {
            let entries = resource.map_err(KafkaError::AdminOp)?.entries.into_iter();
            let own = entries.filter(|entry| entry.source == ConfigSource::DynamicTopic);
            configs.extend(own.filter_map(|entry| Some((entry.name, entry.value?))));
        }
        Ok(configs)
    }

    /// Creates a topic, and returns whether it did: one that exists stays as it is.
    ///
    /// # Errors
    /// When Kafka does not answer, or says no.
    pub async fn create(&self, topic: &str, settings: &TopicSettings) -> anyhow::Result<bool> {
        let (connector, cluster) = (Connector::new(&self.cluster.security), &self.cluster);
        let broker = Broker::connect_to_any(&Arc::new(connector), &cluster.brokers).await?;
        match broker.create_topic(topic, settings.partitions, settings.replication, &settings.configs).await? {
            Ok(()) => Ok(true),
            Err((ProtocolError::TopicAlreadyExists, _)) => Ok(false),
            Err((_, reason)) => bail!(reason),
        }
    }

    /// Deletes topics. The brokers may still know them for a moment.
    ///
    /// # Errors
    /// When Kafka does not answer, or says no.
    pub async fn delete(&self, topics: &[&str]) -> anyhow::Result<()> {
        self.check()?;
        done(self.client.delete_topics(topics, &self.options()).await?, RDKafkaErrorCode::UnknownTopicOrPartition)
    }

    /// Gives a topic this many partitions. Kafka says the same of a topic that has them already and of one that has
    /// more, so ask for the [partitions](super::Reader::partitions) afterwards.
    ///
    /// # Errors
    /// When Kafka does not answer, or says no.
    pub async fn grow(&self, topic: &str, partitions: usize) -> anyhow::Result<()> {
        self.check()?;
        let new = NewPartitions::new(topic, partitions);
        done(self.client.create_partitions(&[new], &self.options()).await?, RDKafkaErrorCode::InvalidPartitions)
    }

    /// Deletes the records of a partition before this offset.
    ///
    /// # Errors
    /// When Kafka does not answer, or says no.
    pub async fn delete_before(&self, topic: &str, partition: i32, offset: i64) -> anyhow::Result<()> {
        let leader = Broker::connect_to_leader(&self.cluster, topic, partition).await?;
        let refused = match leader.delete_records(topic, partition, offset, self.patience).await? {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        bail!(
            "Kafka says {refused:?}{}",
            match refused {
                ProtocolError::TopicAuthorizationFailed => format!(": the user needs Delete on the topic {topic}"),
                ProtocolError::PolicyViolation => format!(": the cleanup.policy of the topic {topic} must have delete"),
                _ => String::new(),
            }
        )
    }

    /// Deletes a group that has no members.
    ///
    /// # Errors
    /// When Kafka does not answer, or says no.
    pub async fn delete_group(&self, group: &str) -> anyhow::Result<()> {
        self.check()?;
        done(self.client.delete_groups(&[group], &self.options()).await?, RDKafkaErrorCode::GroupIdNotFound)
    }

    /// librdkafka asks for a token when it is polled, and its admin client is not.
    fn gets_no_tokens(&self) -> bool {
        self.client.inner().context().tokens.is_needed()
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.gets_no_tokens(), "this cannot be done with OAUTHBEARER: use another KAFKA_SASL_MECHANISM");
        Ok(())
    }

    fn options(&self) -> AdminOptions {
        AdminOptions::new().operation_timeout(Some(self.patience)).request_timeout(Some(self.patience))
    }
}

/// Whether each of them is changed, or was `already`.
fn done(results: Vec<Result<String, (String, RDKafkaErrorCode)>>, already: RDKafkaErrorCode) -> anyhow::Result<()> {
    match results.into_iter().filter_map(Result::err).find(|(_, code)| *code != already) {
        Some((name, code)) => Err(KafkaError::AdminOp(code)).context(name),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_already_is_done_and_anything_else_is_named() {
        use RDKafkaErrorCode::{TopicAlreadyExists, TopicAuthorizationFailed};
        let created = || Ok("post".to_owned());
        done(vec![created(), Err(("other".to_owned(), TopicAlreadyExists))], TopicAlreadyExists).unwrap();
        let refused = vec![created(), Err(("other".to_owned(), TopicAuthorizationFailed))];
        assert_eq!(done(refused, TopicAlreadyExists).unwrap_err().to_string(), "other");
    }
}
