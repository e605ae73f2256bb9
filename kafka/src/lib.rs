//! Everything that talks to Kafka for the services, for any kind of record: here keys and values are bytes.
//!
//! [`publish`] sends records, many at a time and each acknowledged. [`group`] is a member of a consumer group that
//! hands its records on in batches, and commits only what is finished. [`topics`] reads topics and sends to them
//! without either, for commands and integration tests. [`settings`] reads what the first two have in common.
//!
//! # As a library
//!
//! A program of your own starts from [`Publisher`] and [`Group`]. They are what the producer and the consumer of this
//! repository run, with defaults in place of settings, and in place of metrics and health checks.
//!
//! ```no_run
//! use kafka::{Answer, ConsumerRecord, Group, GroupOptions, Publisher, PublisherOptions, each};
//!
//! #[tokio::main]
//! async fn main() -> anyhow::Result<()> {
//!     let publisher = Publisher::connect(PublisherOptions::batched("localhost:9092")).await?;
//!     publisher.send_json("readings", "device-7", &21.5).await?;
//!     publisher.close().await?;
//!
//!     let handler = each(|record: ConsumerRecord| async move {
//!         match record.json::<f64>() {
//!             Ok(celsius) => println!("{celsius} °C"),
//!             Err(error) => return Answer::Rejected(error.to_string()),
//!         }
//!         Answer::Stored
//!     });
//!     let options = GroupOptions { limit: Some(1), ..GroupOptions::new("localhost:9092", "thermometers") };
//!     Group::start(options, &["readings"], handler)?.ended().await
//! }
//! ```
//!
//! What they promise:
//!
//! - A record that [`Publisher::send`] has acknowledged is on all replicas in sync. An error says whether the record
//!   may be there all the same ([`SendError::may_be_stored`]); no send waits longer than its timeouts.
//! - [`PublisherOptions::ordered`] keeps the records of a key in the order in which they are sent;
//!   [`PublisherOptions::batched`] is the cheaper way where each record stands for itself.
//! - A group commits a record once its handler has stored it, or once it is acknowledged as a dead letter, and not
//!   before all earlier ones of its partition. So a record can come twice, after a crash for instance, but none is
//!   skipped.
//! - What is in memory is bounded: by records in flight in a publisher, by bytes in a group.
//!
//! The folder `examples/` has a program of about thirty lines for each of them.

mod broker;
pub mod group;
pub mod publish;
mod reach;
mod security;
pub mod settings;
mod shown;
pub mod topics;

pub use broker::Broker;
pub use group::{Answer, ConsumerRecord, Group, GroupOptions, Handler, batches, each};
pub use publish::{Acknowledged, PublishError, Publisher, PublisherOptions, SendError};
pub use reach::reach;
pub use service::cluster::{self, Cluster};
pub use service::secrets::Secret;
pub use shown::{CONDITION, RIGHTS, readiness_of};

/// The version of librdkafka that this build contains.
pub fn librdkafka_version() -> String {
    rdkafka::util::get_rdkafka_version().1
}
