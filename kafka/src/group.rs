//! A member of a consumer group that loses nothing. A program starts a [`Group`] with a handler of its own; a service
//! calls [`run`] for each kind of record, with its metrics and its readiness.
//!
//! How a record travels: the [`fetcher`]'s thread polls Kafka, turns what it gets into a record ([`handler`]), and
//! hands it on with its assignment ([`front`]) → the [`pipeline`] gives it to the [`core`], which says when to write
//! which batch, and what to commit → the [`handler`] writes the batch; what can never be stored goes to the
//! [`dead_letters`] topic.
//!
//! [`core`] and [`fetching`] make all decisions and do no IO; everything else carries them out. [`context`] hands
//! partitions over when the group rebalances, [`watch`] keeps up to date how far behind the group is ([`lag`]), and
//! [`conditions`] says what is in trouble.

pub mod budget;
mod conditions;
mod config;
mod context;
pub mod core;
mod dead_letter_topic;
mod dead_letters;
mod fetcher;
pub mod fetching;
mod front;
mod handle;
mod handler;
mod joining;
mod lag;
mod member;
pub mod metrics;
mod pipeline;
mod requests;
mod rights;
#[cfg(test)]
mod simulation;
mod watch;

pub use conditions::{COMMITS, DEAD_LETTERS, FLUSHES};
pub use config::{GroupConfig, OffsetReset};
pub use handle::{Answer, ConsumerRecord, Group, GroupOptions, Handler, batches, each};
pub use handler::{RecordHandler, Written};
pub use joining::client_config;
pub use lag::{Book, Committed, Standing};
pub use member::{Membership, run};
pub use requests::{Release, Requests};
