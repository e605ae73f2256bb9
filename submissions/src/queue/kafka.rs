//! Kafka as the queue: a process sends a record for each submission that can be claimed ([`sending`]), and the workers
//! share the topic's partitions ([`receiving`]).

use futures_util::FutureExt;
use service::Instruments;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::announcing::{HANDED, Parts, Queue, Sending, announcer};
use crate::config::KafkaConfig;
use crate::roles::Roles;

mod receiving;
mod record;
mod sending;

/// The parts of a process with Kafka.
pub(super) fn parts(config: &KafkaConfig, roles: Roles, instruments: &Instruments, stop: &CancellationToken) -> Parts {
    let (announcer, outgoing) = announcer(&instruments.registry);
    let is_over = CancellationToken::new();
    let running = tokio::spawn(sending::run(config.clone(), outgoing, is_over.clone()));
    let sending = Sending { running: Some((AbortOnDropHandle::new(running), is_over)) };
    let (to_worker, handed) = mpsc::channel(HANDED);
    let receiving = if roles.worker {
        receiving::run(config.clone(), to_worker, announcer.clone(), instruments.clone(), stop.clone()).boxed()
    } else {
        async { Ok(()) }.boxed()
    };
    Parts { announcer, queue: Queue::Announced(handed), receiving, sending }
}
