//! The way to one topic: the publisher that the producer has for a kind of record, kept connected by a task.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use service::{Instruments, Readiness, Registry};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::error::SendError;
use crate::publish::batched::BatchedPublisher;
use crate::publish::config::PublishConfig;
use crate::publish::error::PublishError;
use crate::publish::metrics::METRICS;
use crate::publish::ordered::OrderedPublisher;
use crate::publish::record::Record;
use crate::publish::supervisor::Supervisor;
use crate::shown::CONDITION;

/// The way to one topic. Dropping it ends the task; what is in flight is then acknowledged or given up.
pub(super) struct Topic {
    name: String,
    way: Way,
    readiness: Readiness,
    /// Until then a record waits for the topic to be reached. Afterwards it fails at once while Kafka is away.
    reached_by: Instant,
    is_reached: AtomicBool,
    /// Held from an ordered record's first poll until it is handed on: no later one passes it, even if both come before
    /// the topic is reached.
    turn: Mutex<()>,
    running: AbortHandle,
}

enum Way {
    Batched(Arc<BatchedPublisher>, TaskTracker),
    Ordered(Arc<OrderedPublisher>),
}

impl Topic {
    /// Starts to connect, and creates the topic if it is missing.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub(super) fn start(config: PublishConfig, keeps_order: bool) -> Result<Self, SendError> {
        let (name, timeout) = (config.topic.clone(), config.timeout);
        let (registry, readiness) = (Registry::new(&[METRICS]), Readiness::new(&[CONDITION]));
        let instruments = Instruments { registry: registry.clone(), readiness: readiness.clone(), tracer: None };
        let (way, running) = if keeps_order {
            let publisher = Arc::new(OrderedPublisher::new(&config, instruments).map_err(SendError::Unusable)?);
            let runs = Arc::clone(&publisher);
            (Way::Ordered(publisher), tokio::spawn(async move { runs.run().await }))
        } else {
            let publisher = Arc::new(BatchedPublisher::new(&config, &registry));
            let supervisor = Supervisor::new(config, &publisher, instruments);
            (Way::Batched(publisher, supervisor.lanes()), tokio::spawn(supervisor.run()))
        };
        Ok(Self {
            name,
            way,
            readiness,
            reached_by: Instant::now() + timeout,
            is_reached: AtomicBool::new(false),
            turn: Mutex::default(),
            running: running.abort_handle(),
        })
    }

    /// Waits until the topic is reached for the first time, no longer than the timeout after the start.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) async fn reached(&self) -> Result<(), SendError> {
        if self.is_reached.load(Ordering::Relaxed) {
            return Ok(());
        }
        let open = async {
            match &self.way {
                Way::Batched(publisher, _) => publisher.router.open().await,
                Way::Ordered(publisher) => publisher.open().await,
            }
        };
        let is_open = tokio::time::timeout_at(self.reached_by.into(), open).await;
        is_open.map_err(|_| self.failed(PublishError::Away))?;
        self.is_reached.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Returns once Kafka has acknowledged the record, with its partition and its offset.
    ///
    /// # Errors
    /// Why there is no acknowledgement.
    pub(super) async fn publish(&self, record: Record) -> Result<(i32, i64), SendError> {
        let published = match &self.way {
            Way::Batched(publisher, _) => {
                self.reached().await?;
                publisher.publish(record).await
            }
            Way::Ordered(publisher) => {
                // What is first in line must not wait for another poll: it would hold up all behind it.
                let turn = tokio::task::unconstrained(self.turn.lock()).await;
                self.reached().await?;
                let mut publishing = pin!(publisher.publish(record));
                // The first poll hands it on.
                let first = poll_fn(|context| Poll::Ready(publishing.as_mut().poll(context))).await;
                drop(turn);
                match first {
                    Poll::Ready(published) => published,
                    Poll::Pending => publishing.await,
                }
            }
        };
        published.map_err(|error| self.failed(error))
    }

    /// Whether it can be reached at present.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn check(&self) -> Result<(), String> {
        self.readiness.check()
    }

    /// Records awaiting acknowledgement.
    pub(super) fn in_flight(&self) -> usize {
        match &self.way {
            Way::Batched(publisher, _) => publisher.in_flight(),
            Way::Ordered(publisher) => publisher.in_flight(),
        }
    }

    /// Ends it: what is in flight is acknowledged or given up first, no longer than `patience`. Returns whether
    /// everything ended in time.
    pub(super) async fn close(self: Arc<Self>, patience: Duration) -> bool {
        self.running.abort();
        if let Way::Ordered(publisher) = &self.way {
            publisher.close().await;
        }
        let Way::Batched(_, lanes) = &self.way else { return self.in_flight() == 0 };
        let lanes = lanes.clone();
        lanes.close();
        // The lanes end when nobody has their publisher anymore.
        drop(self);
        tokio::time::timeout(patience, lanes.wait()).await.is_ok()
    }

    fn failed(&self, error: PublishError) -> SendError {
        let reason = if error == PublishError::Away { self.readiness.check().err() } else { None };
        SendError::Publish { topic: self.name.clone(), error, reason }
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        self.running.abort();
    }
}
