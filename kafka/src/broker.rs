//! A connection to one broker, and the requests that publishing needs. Each is tried once, and its answer is returned
//! as it is: the caller decides what follows. A broker answers the requests of a connection in their order.

use std::time::Duration;

use anyhow::{Context, bail};
use rskafka::client::error::ProtocolError;
use rskafka::messenger::{Messenger, RequestError};
use rskafka::protocol::messages::{
    ListOffsetsRequest, ListOffsetsRequestPartition, ListOffsetsRequestTopic, MetadataRequest, MetadataRequestTopic,
    ProduceResponse,
};
use rskafka::protocol::primitives::{Boolean, Int32, Int64, String_};
use tokio::io::BufStream;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::produce_request::{EncodedBatch, ProduceRequest};
use super::topology::Topology;

/// Longest wait for an answer of Kafka outside of produce requests.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

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
    messenger: Messenger<BufStream<TcpStream>>,
}

/// Kafka's answer to a batch that it has stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Produced {
    /// The offset of the batch's first record.
    pub base_offset: i64,
    /// How long to send nothing more, because of a quota.
    pub throttle: Duration,
}

/// Why a batch was not acknowledged.
#[derive(Debug)]
pub enum ProduceError {
    /// Kafka says no.
    Refused(ProtocolError),
    /// There is no answer: the connection is broken.
    Broken(anyhow::Error),
}

impl Broker {
    /// Connects to host:port.
    ///
    /// # Errors
    /// Why it cannot be reached within two seconds.
    pub async fn connect(address: &str) -> anyhow::Result<Self> {
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            // A frame goes out as a length and the rest: Nagle's algorithm would hold back the rest for 40 ms.
            stream.set_nodelay(true)?;
            let stream = BufStream::with_capacity(READ_BUFFER_BYTES, WRITE_BUFFER_BYTES, stream);
            let mut messenger = Messenger::new(stream, MAX_ANSWER_BYTES, "producer".into());
            messenger.sync_versions().await?;
            Ok(Self { messenger })
        };
        answer(connecting).await.with_context(|| format!("cannot connect to {address}"))
    }

    /// The connection to the first of these brokers that answers.
    ///
    /// # Errors
    /// Why one of them cannot be reached.
    pub(super) async fn connect_to_any(addresses: &[String]) -> anyhow::Result<Self> {
        first_answer(addresses.iter().cloned(), |address| async move { Self::connect(&address).await }).await
    }

    /// The connection to the leader of a partition, as one of these brokers knows it.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn connect_to_leader(brokers: &[String], topic: &str, partition: i32) -> anyhow::Result<Self> {
        let topology = Self::connect_to_any(brokers).await?.topology(topic).await?;
        let topology = topology.map_err(|error| anyhow::anyhow!("the topic {topic}: Kafka says {error:?}"))?;
        let leader = topology.leader_address(partition);
        Self::connect(leader.with_context(|| format!("partition {partition} has no leader"))?).await
    }

    /// The topic's partitions with their leaders, and the brokers, as this broker knows them.
    ///
    /// # Errors
    /// When there is no answer. Within it, what is wrong with the topic: above all that it does not exist.
    pub(super) async fn topology(&self, topic: &str) -> anyhow::Result<Result<Topology, ProtocolError>> {
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic { name: String_(topic.to_owned()) }]),
            allow_auto_topic_creation: Some(Boolean(false)),
        };
        answer(async { Ok(Topology::of(self.messenger.request(request).await?)) }).await
    }

    /// The end offset of each of these partitions, of which this broker must be the leader.
    ///
    /// # Errors
    /// When there is no answer.
    pub(super) async fn end_offsets(
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

    /// Sends a batch to a partition, and returns once all replicas in sync have it. It waits as long as Kafka does: who
    /// asks bounds the time. After an error the connection cannot be used again.
    ///
    /// # Errors
    /// Why it is not acknowledged.
    pub async fn produce(&self, topic: &str, partition: i32, batch: &EncodedBatch) -> Result<Produced, ProduceError> {
        let answered = self.messenger.request(ProduceRequest { topic, partition, batch }).await;
        produced(answered, partition)
    }
}

fn produced(answered: Result<ProduceResponse, RequestError>, partition: i32) -> Result<Produced, ProduceError> {
    let answered = answered.map_err(|error| ProduceError::Broken(error.into()))?;
    let throttle_ms = answered.throttle_time_ms.map_or(0, |throttle| throttle.0);
    let answers = answered.responses.into_iter().flat_map(|topic| topic.partition_responses);
    match answers.into_iter().find(|answer| answer.index.0 == partition) {
        Some(answer) => match answer.error {
            None => Ok(Produced {
                base_offset: answer.base_offset.0,
                throttle: Duration::from_millis(u64::try_from(throttle_ms).unwrap_or_default()),
            }),
            Some(error) => Err(ProduceError::Refused(error)),
        },
        None => Err(ProduceError::Broken(anyhow::anyhow!("the answer does not name partition {partition}"))),
    }
}

/// The first answer of these brokers: all are asked at the same time, so that a frozen one costs no time.
///
/// # Errors
/// Why one of them does not answer, if none does.
pub(super) async fn first_answer<T, F>(
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
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// Bounds the wait for an answer.
pub(super) async fn answer<T>(request: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => answer,
        Err(_) => bail!("no answer within {ANSWER_TIMEOUT:?}"),
    }
}
