//! Everything that talks to Kafka on behalf of the services, for any kind of record: keys, values and headers are bytes here.
//!
//! [`group`] is a member of a consumer group that hands its records on in batches, and commits only what is finished.

pub mod group;
