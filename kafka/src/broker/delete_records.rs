//! Deletes the start of a partition.

use std::time::Duration;

use anyhow::{Context, bail};
use rskafka::client::error::ProtocolError;
use rskafka::protocol::messages::{DeleteRecordsRequest, DeleteRequestPartition, DeleteRequestTopic};
use rskafka::protocol::primitives::{Int32, Int64, String_};

use super::Broker;

impl Broker {
    /// Deletes the records of a partition before this offset, which this broker must lead. It answers when all replicas
    /// have done so.
    ///
    /// # Errors
    /// When there is no answer within `patience`. Within it, Kafka's error.
    pub(crate) async fn delete_records(
        &self,
        topic: &str,
        partition: i32,
        before: i64,
        patience: Duration,
    ) -> anyhow::Result<Result<(), ProtocolError>> {
        let of_partition =
            DeleteRequestPartition { partition_index: Int32(partition), offset: Int64(before), tagged_fields: None };
        let request = DeleteRecordsRequest {
            topics: vec![DeleteRequestTopic {
                name: String_(topic.to_owned()),
                partitions: vec![of_partition],
                tagged_fields: None,
            }],
            timeout_ms: Int32(i32::try_from(patience.as_millis()).unwrap_or(i32::MAX)),
            tagged_fields: None,
        };
        let Ok(answered) = tokio::time::timeout(patience, self.messenger.request(request)).await else {
            bail!("no answer within {patience:?}");
        };
        let partition = answered?.topics.into_iter().flat_map(|topic| topic.partitions).next();
        let error = partition.context("the answer names no partition")?.error;
        Ok(error.map_or(Ok(()), Err))
    }
}
