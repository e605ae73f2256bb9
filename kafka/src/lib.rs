//! Everything that talks to Kafka on behalf of the services, for any kind of record: keys, values and headers are bytes
//! here.
//!
//! [`publish`] sends records, many at a time and each acknowledged. [`group`] is a member of a consumer group that
//! hands its records on in batches, and commits only what is finished.

pub mod group;
pub mod publish;
mod shown;

pub use shown::CONDITION;
