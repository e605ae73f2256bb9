//! Publishes records, each acknowledged by all replicas. A program starts from [`Publisher`], which has one of the
//! following for each of its topics; a service has one for each kind of record, with its metrics and its readiness.
//!
//! How a record travels: the [`batched`] publisher admits it and waits → a [`lane`] of a broker takes a [`batch`] out
//! of the topic's [`queue`] and sends it to one of the broker's partitions ([`routes`]) → the acknowledgement answers
//! the caller. Records that come together go the same way ([`bulk`]), and one counter covers all of their
//! acknowledgements ([`bulk_wait`]). The [`supervisor`] starts the lanes; the [`watch`] asks Kafka for the leaders; a
//! [`probe`] tries a partition that is in trouble. With tracing, each batch has a span ([`spans`]). A
//! [`Broker`](crate::Broker) is a connection, and [`produce_request`] writes what goes over it.
//!
//! Lanes overtake each other, and a batch that is sent again may follow later ones, in another partition. Where the
//! order of a key's records counts, the [`ordered`] publisher takes them; it has the same admission and watch.

mod admission;
mod batch;
mod batched;
mod bulk;
mod bulk_wait;
mod config;
mod error;
mod keys;
mod lane;
pub mod metrics;
mod ordered;
mod outage;
mod probe;
mod produce;
mod produce_request;
mod publisher;
mod queue;
mod recent_keys;
mod record;
mod refusal;
mod restart;
mod router;
mod routes;
mod sent;
mod spans;
mod submission;
mod supervisor;
mod topic;
mod watch;

pub use batch::{Batch, BatchLimits};
pub use batched::BatchedPublisher;
pub use bulk::Fate;
pub use config::{Compression, PublishConfig};
pub use error::PublishError;
pub use ordered::{CLIENT_CONDITION, OrderedPublisher, ordered_files, partition_of};
pub use produce::{ProduceError, Produced};
pub use produce_request::EncodedBatch;
pub use publisher::{Acknowledged, Publisher, PublisherOptions, SendError};
pub use queue::ENOUGH_BYTES;
pub use record::{Key, Record};
pub use supervisor::{LANES_PER_BROKER, Supervisor, connections};
pub use watch::EndOffsets;
