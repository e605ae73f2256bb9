//! The way to Kafka: which publisher takes the records of a kind. Posts need no order and go in batches of their own
//! lanes; the records of one order keep theirs.

use std::sync::Arc;

use kafka::publish::{BatchedPublisher, Fate, OrderedPublisher, PublishError, Record};

/// The publisher of one kind, as a bulk sees it.
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

    /// The fate of each record, in order; see [`BatchedPublisher::publish_bulk`].
    pub(crate) async fn publish_bulk(&self, records: Vec<Record>) -> Result<Vec<Fate>, PublishError> {
        match self {
            KindPublisher::Batched(publisher) => publisher.publish_bulk(records).await,
            KindPublisher::Ordered(publisher) => publisher.publish_bulk(records).await,
        }
    }
}
