//! Publishes records, each acknowledged by all replicas. A program starts from [`Publisher`], which has one of the
//! following for each of its topics; a service has one for each kind of record, with its metrics and its readiness.
//!
//! How a record travels: the [`batched`] publisher admits it, picks its partition and waits → a [`lane`] takes a
//! [`batch`] out of that partition's [`queue`] and produces it → the acknowledgement answers the caller. Records that
//! come together go the same way ([`bulk`]), and one counter covers all of their acknowledgements ([`bulk_wait`]). The
//! [`supervisor`] starts the lanes and has them follow the [`leaders`], where Kafka is watched and the [`topic`]
//! created. With tracing, each batch has a span ([`spans`]).
//!
//! Lanes overtake each other, and a batch that is sent again may follow later ones. Where the order of a key's records
//! counts, the [`ordered`] publisher takes them; it has the same admission, partitions and watch.

mod admission;
mod availability;
mod batch;
mod batched;
mod bulk;
mod bulk_wait;
mod config;
mod connecting;
mod connection;
mod error;
mod keys;
mod lane;
mod leaders;
pub mod metrics;
mod nodelay;
mod ordered;
mod outage;
mod partitioner;
mod publisher;
mod queue;
mod recent_keys;
mod record;
mod sent;
mod spans;
mod submission;
mod supervisor;
mod topic;

pub use batch::Batch;
pub use batched::BatchedPublisher;
pub use bulk::Fate;
pub use config::{Compression, PublishConfig};
pub use error::PublishError;
pub use leaders::EndOffsets;
pub use ordered::{CLIENT_CONDITION, OrderedPublisher, ordered_files};
pub use publisher::{Acknowledged, Publisher, PublisherOptions, SendError};
pub use queue::ENOUGH_BYTES;
pub use record::{Key, Record, encoded_bytes};
pub use supervisor::{LANES_PER_PARTITION, Supervisor, connections};
