//! How a worker learns what it can claim. It looks in the store, which notifies it ([`store`]); or, with `USE_KAFKA`,
//! it gets a record of Kafka for each submission, which says no more than *which* (`kafka`).
//!
//! Either way the store alone knows what can be claimed, and each claim is a lease there. So an announcement may be
//! lost, come late, or come twice: whatever nobody has claimed is announced again by a sweeper, and an announcement of
//! what is claimed already claims nothing. Processes may change from one way to the other at any time.

#![cfg_attr(
    not(feature = "kafka"),
    allow(unused_variables, reason = "only Kafka needs all that its parts are made of")
)]

use std::sync::Arc;

use futures_util::FutureExt;
use service::Instruments;
use service::metrics::Metric;
use tokio_util::sync::CancellationToken;

use crate::config::SubmissionsConfig;
use crate::roles::Roles;
use crate::store::Store;

mod announcing;
#[cfg(feature = "kafka")]
mod kafka;
mod store;

pub(crate) use announcing::{Announcer, METRICS, News, Parts, Queue, Sending};

/// The metrics that a process with Kafka has beside all others: those of its member of the group.
#[cfg(feature = "kafka")]
pub(crate) const METRICS_OF_KAFKA: &[&[Metric]] = &[::kafka::group::metrics::METRICS];
#[cfg(not(feature = "kafka"))]
pub(crate) const METRICS_OF_KAFKA: &[&[Metric]] = &[];

/// The parts that the settings ask for. What is received ends with `stop`.
pub(crate) fn parts(
    config: &SubmissionsConfig,
    roles: Roles,
    store: &Arc<dyn Store>,
    instruments: &Instruments,
    stop: &CancellationToken,
) -> Parts {
    #[cfg(feature = "kafka")]
    if let Some(kafka) = &config.kafka {
        return kafka::parts(kafka, roles, instruments, stop);
    }
    Parts {
        announcer: Announcer::default(),
        queue: Queue::of_store(store),
        receiving: async { Ok(()) }.boxed(),
        sending: Sending::default(),
    }
}

/// The readiness conditions of a process with these roles beside the database's. A process without a worker accepts
/// submissions while Kafka is away: their rows are the promise, and they are announced later.
pub(crate) fn conditions(config: &SubmissionsConfig, roles: Roles) -> &'static [&'static str] {
    if config.kafka.is_some() && roles.worker { &[KAFKA] } else { &[] }
}

/// The condition of the member of the group, as the crate `kafka` has it.
const KAFKA: &str = "kafka";
