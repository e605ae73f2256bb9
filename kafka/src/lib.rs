//! Everything that talks to Kafka for the services, for any kind of record: here keys and values are bytes.
//!
//! [`publish`] sends records, many at a time and each acknowledged. [`group`] is a member of a consumer group that
//! hands its records on in batches, and commits only what is finished. [`topics`] reads topics and sends to them
//! without either, for commands and integration tests. [`settings`] reads what the first two have in common.

pub mod group;
pub mod publish;
pub mod settings;
mod shown;
pub mod topics;

pub use publish::{Acknowledged, PublishError, Publisher, PublisherOptions, SendError};
pub use shown::{CONDITION, readiness_of};

/// The version of librdkafka that this build contains.
pub fn librdkafka_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}
