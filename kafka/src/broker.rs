//! A connection to one broker, and the requests that are sent without librdkafka. Each is tried once, and its answer is
//! returned as it is: the caller decides what follows. A broker answers the requests of a connection in their order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rskafka::client::error::ProtocolError;
use rskafka::messenger::Messenger;
use rskafka::protocol::messages::{
    CreateTopicConfig, CreateTopicRequest, CreateTopicsRequest, FetchRequest, FetchRequestPartition, FetchRequestTopic,
    ListOffsetsRequest, ListOffsetsRequestPartition, ListOffsetsRequestTopic, MetadataRequest, MetadataRequestTopic,
};
use rskafka::protocol::primitives::{Boolean, Int16, Int32, Int64, NullableString, String_};
use service::cluster::Cluster;
use tokio::io::BufStream;
use tokio::task::JoinSet;

use self::said::{cannot_use, kafka_says};
use self::topology::Topology;
use crate::security::reasons::named;
use crate::security::stream::Stream;
use crate::security::{Connector, SignInRefused, authenticate};

mod delete_records;
pub(crate) mod said;
pub(crate) mod topology;

/// Longest wait for an answer of Kafka outside of produce requests.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// An answer about thousands of partitions is smaller.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// What is read at once.
const READ_BUFFER_BYTES: usize = 4 << 10;

/// A batch of up to this size goes out in one write.
const WRITE_BUFFER_BYTES: usize = 32 << 10;

/// The partition's end.
const LATEST: i64 = -1;

/// A connection to one broker.
pub struct Broker {
    pub(crate) messenger: Messenger<BufStream<Stream>>,
}

impl Broker {
    /// Connects to host:port.
    ///
    /// # Errors
    /// Why it cannot be reached within two seconds, after a token is there if it takes one.
    pub(crate) async fn connect(connector: &Connector, address: &str) -> anyhow::Result<Self> {
        // A broker is not slow because a token endpoint is.
        let credentials = connector.credentials().await?;
        let connecting = async {
            let stream = connector.open(address).await?;
            let stream = BufStream::with_capacity(READ_BUFFER_BYTES, WRITE_BUFFER_BYTES, stream);
            let mut messenger = Messenger::new(stream, MAX_ANSWER_BYTES, "producer".into());
            messenger.sync_versions().await.map_err(|error| named(error.into()))?;
            if let Some(credentials) = credentials {
                authenticate(&messenger, credentials).await?;
            }
            Ok(Self { messenger })
        };
        answer(connecting).await.with_context(|| format!("cannot connect to {address}"))
    }

    /// Connects to host:port, and asks for a topic: only a request shows whether the broker lets the client in.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn connect_and_ask(
        connector: &Connector,
        address: &str,
        topic: &str,
    ) -> anyhow::Result<(Self, Result<Topology, ProtocolError>)> {
        let broker = Self::connect(connector, address).await?;
        let topology = broker.topology(topic).await.map_err(named);
        let topology = topology.with_context(|| format!("no answer of {address}"))?;
        Ok((broker, topology))
    }

    /// The connection to the first of these brokers that answers.
    ///
    /// # Errors
    /// Why one of them cannot be reached.
    pub(crate) async fn connect_to_any(connector: &Arc<Connector>, addresses: &[String]) -> anyhow::Result<Self> {
        let connect = |address: String| {
            let connector = Arc::clone(connector);
            async move { Self::connect(&connector, &address).await }
        };
        first_answer(addresses.iter().cloned(), connect).await
    }

    /// The connection to the leader of a partition, as one of the cluster's brokers knows it.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn connect_to_leader(cluster: &Cluster, topic: &str, partition: i32) -> anyhow::Result<Self> {
        let connector = Arc::new(Connector::new(&cluster.security));
        let topology = Self::connect_to_any(&connector, &cluster.brokers).await?.topology(topic).await?;
        let topology = topology.map_err(|error| anyhow::anyhow!("the topic {topic}: Kafka says {error:?}"))?;
        let leader = topology.leader_address(partition);
        Self::connect(&connector, leader.with_context(|| format!("partition {partition} has no leader"))?).await
    }

    /// The topic's partitions with their leaders, and the brokers, as this broker knows them.
    ///
    /// # Errors
    /// When there is no answer. Within it, what is wrong with the topic: above all that it does not exist.
    pub(crate) async fn topology(&self, topic: &str) -> anyhow::Result<Result<Topology, ProtocolError>> {
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic { name: String_(topic.to_owned()) }]),
            allow_auto_topic_creation: Some(Boolean(false)),
        };
        answer(async { Ok(Topology::of(self.messenger.request(request).await?)) }).await
    }

    /// Creates a topic. Any broker passes it on to the controller.
    ///
    /// # Errors
    /// When there is no answer. Within it, Kafka's error, and the reason in words.
    pub(crate) async fn create_topic(
        &self,
        topic: &str,
        partitions: i32,
        replication: i16,
        configs: &[(String, String)],
    ) -> anyhow::Result<Result<(), (ProtocolError, String)>> {
        let config = |(name, value): &(String, String)| CreateTopicConfig {
            name: String_(name.clone()),
            value: NullableString(Some(value.clone())),
            tagged_fields: None,
        };
        let request = CreateTopicsRequest {
            topics: vec![CreateTopicRequest {
                name: String_(topic.to_owned()),
                num_partitions: Int32(partitions),
                replication_factor: Int16(replication),
                assignments: Vec::new(),
                configs: configs.iter().map(config).collect(),
                tagged_fields: None,
            }],
            timeout_ms: Int32(i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX)),
            validate_only: None,
            tagged_fields: None,
        };
        let answered = answer(async { Ok(self.messenger.request(request).await?) }).await?;
        let answer = answered.topics.into_iter().next().context("the answer names no topic")?;
        let Some(error) = answer.error else { return Ok(Ok(())) };
        let said = answer.error_message.and_then(|message| message.0);
        let said = said.map_or(String::new(), |said| format!(" ({said})"));
        Ok(Err((error, kafka_says(error) + &said)))
    }

    /// The end offset of each of these partitions, of which this broker must be the leader.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn end_offsets(
        &self,
        topic: &str,
        partitions: &[i32],
    ) -> anyhow::Result<Vec<(i32, Result<i64, ProtocolError>)>> {
        let partition = |partition: &i32| ListOffsetsRequestPartition {
            partition_index: Int32(*partition),
            timestamp: Int64(LATEST),
            max_num_offsets: None,
        };
        let request = ListOffsetsRequest {
            replica_id: Int32(-1),
            isolation_level: None,
            topics: vec![ListOffsetsRequestTopic {
                name: String_(topic.to_owned()),
                partitions: partitions.iter().map(partition).collect(),
            }],
        };
        let answered = answer(async { Ok(self.messenger.request(request).await?) }).await?;
        let offsets = answered.topics.into_iter().flat_map(|topic| topic.partitions).map(|answered| {
            let offset = match answered.error_code {
                Some(error) => Err(error),
                None => answered.offset.map(|offset| offset.0).ok_or(ProtocolError::UnsupportedVersion),
            };
            (answered.partition_index.0, offset)
        });
        Ok(offsets.collect())
    }
}

/// Whether one of the cluster's brokers answers and lets this user know the topic, which need not exist.
///
/// # Errors
/// Why not.
pub(crate) async fn reach_topic(connector: &Arc<Connector>, cluster: &Cluster, topic: &str) -> anyhow::Result<()> {
    let ask = |address: String| {
        let (connector, topic) = (Arc::clone(connector), topic.to_owned());
        async move { Broker::connect_and_ask(&connector, &address, &topic).await }
    };
    match first_answer(cluster.brokers.iter().cloned(), ask).await?.1 {
        Ok(_) | Err(ProtocolError::UnknownTopicOrPartition | ProtocolError::LeaderNotAvailable) => Ok(()),
        Err(error) => bail!("{}", cannot_use(topic, error)),
    }
}

/// Whether the user may read the topic.
///
/// # Errors
/// When no broker answers.
pub(crate) async fn topic_is_readable(
    connector: &Arc<Connector>,
    cluster: &Cluster,
    topic: &str,
) -> anyhow::Result<bool> {
    let broker = Broker::connect_to_any(connector, &cluster.brokers).await?;
    let partition = FetchRequestPartition {
        partition: Int32(0),
        // There is nothing, and Kafka looks at the rights first, whether it leads the partition or not.
        fetch_offset: Int64(i64::MAX),
        partition_max_bytes: Int32(1),
    };
    let request = FetchRequest {
        replica_id: Int32(-1),
        max_wait_ms: Int32(0),
        min_bytes: Int32(0),
        max_bytes: Some(Int32(1)),
        isolation_level: None,
        topics: vec![FetchRequestTopic { topic: String_(topic.to_owned()), partitions: vec![partition] }],
    };
    let answered = answer(async { Ok(broker.messenger.request(request).await?) }).await?;
    let refused = |error| error == Some(ProtocolError::TopicAuthorizationFailed);
    Ok(!answered.responses.iter().flat_map(|topic| &topic.partitions).any(|partition| refused(partition.error_code)))
}

/// The first answer of these brokers: all are asked at the same time, so that a frozen one costs no time.
///
/// # Errors
/// Why one of them does not answer, if none does.
pub(crate) async fn first_answer<T, F>(
    addresses: impl IntoIterator<Item = String>,
    ask: impl Fn(String) -> F,
) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let mut asking: JoinSet<_> = addresses.into_iter().map(ask).collect();
    let mut why = anyhow::anyhow!("KAFKA_BROKER names no broker");
    while let Some(asked) = asking.join_next().await {
        match asked.context("asking a broker failed")? {
            Ok(answer) => return Ok(answer),
            // That brokers refuse the user says more than that others do not answer.
            Err(error) if !SignInRefused::is_cause_of(&why) => why = error,
            Err(_) => {}
        }
    }
    Err(why)
}

/// Bounds the wait for an answer.
pub(crate) async fn answer<T>(request: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => answer,
        Err(_) => bail!("no answer within {ANSWER_TIMEOUT:?}"),
    }
}
