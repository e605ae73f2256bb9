//! The request that publishing is about.

use std::time::Duration;

use rskafka::client::error::ProtocolError;
use rskafka::messenger::RequestError;
use rskafka::protocol::messages::ProduceResponse;

use super::produce_request::{EncodedBatch, ProduceRequest};
use crate::broker::Broker;

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
