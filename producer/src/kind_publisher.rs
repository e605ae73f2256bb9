//! The way to Kafka: which publisher takes the records of a kind. Records that are inserted need no order and go in
//! batches of their own lanes; where the last record of a key counts, those of one key keep their order.

use std::sync::Arc;

use kafka::publish::{BatchedPublisher, Fate, OrderedPublisher, PublishError, Record};
use service::rate::Held;

/// The publisher of one kind.
#[derive(Clone)]
pub(crate) enum KindPublisher {
    /// Records in any order.
    Batched(Arc<BatchedPublisher>),
    /// The records of each key in their order.
    Ordered(Arc<OrderedPublisher>),
}

impl KindPublisher {
    /// The topic that it publishes to.
    pub(crate) fn topic(&self) -> &str {
        match self {
            KindPublisher::Batched(publisher) => publisher.topic(),
            KindPublisher::Ordered(publisher) => publisher.topic(),
        }
    }

    /// The most records that may await acknowledgement.
    pub(crate) fn max_in_flight(&self) -> usize {
        match self {
            KindPublisher::Batched(publisher) => publisher.max_in_flight(),
            KindPublisher::Ordered(publisher) => publisher.max_in_flight(),
        }
    }

    /// How many records await acknowledgement.
    pub(crate) fn in_flight(&self) -> usize {
        match self {
            KindPublisher::Batched(publisher) => publisher.in_flight(),
            KindPublisher::Ordered(publisher) => publisher.in_flight(),
        }
    }

    /// Each partition, and why it takes no records if it does not.
    pub(crate) fn partitions(&self) -> Vec<(i32, Option<String>)> {
        match self {
            KindPublisher::Batched(publisher) => publisher.partitions(),
            KindPublisher::Ordered(publisher) => publisher.partitions(),
        }
    }

    /// Publishes one record of a caller who holds this much. Returns its partition and offset.
    pub(crate) async fn publish(&self, record: Record, held: Option<&Arc<Held>>) -> Result<(i32, i64), PublishError> {
        match self {
            KindPublisher::Batched(publisher) => publisher.publish_of(record, held).await,
            KindPublisher::Ordered(publisher) => publisher.publish_of(record, held).await,
        }
    }

    /// The fate of each record, in order; see [`BatchedPublisher::publish_bulk`].
    pub(crate) async fn publish_bulk(
        &self,
        records: Vec<Record>,
        held: Option<&Arc<Held>>,
    ) -> Result<Vec<Fate>, PublishError> {
        match self {
            KindPublisher::Batched(publisher) => publisher.publish_bulk_of(records, held).await,
            KindPublisher::Ordered(publisher) => publisher.publish_bulk_of(records, held).await,
        }
    }
}
