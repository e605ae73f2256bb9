//! Receives announcements, as a member of the group of all workers, and hands them to this process's worker.
//!
//! A record is finished once a claim has asked the store for its submission: then somebody has its lease, or it is
//! final. While the worker has no room its records wait, and the member keeps polling, so it keeps its partitions. What
//! a worker that stops has not asked for is announced again, for the others. Other records become dead letters; they
//! say nothing about submissions, so however many they are, they hold nothing up.

use std::sync::Arc;
use std::time::Duration;

use contract::dead_letter::Reason;
use contract::{DeadLetter, Fetched};
use kafka::group::budget::Budget;
use kafka::group::core::{BatchLimits, BrakeLimits, Flush, GroupLimits, NotStored, RunAhead};
use kafka::group::{self, Book, GroupConfig, OffsetReset, RecordHandler, Release, Written};
use service::Instruments;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::record;
use crate::config::KafkaConfig;
use crate::queue::announcing::{Announcement, Announcer};

/// What the records are, in the metrics.
const KIND: &str = "submission";

/// Bytes of records that are held at the same time, some 3,000 of them. All of them are announced again at a stop.
const BUFFER_BYTES: usize = 1_000_000;

/// The memory that each record takes besides its own bytes: queue entries, tickets, allocations.
const OVERHEAD_BYTES: usize = 256;

/// Receives until `stop`.
///
/// # Errors
/// When the member failed. Nothing is lost: what it has not committed is read again.
pub(super) async fn run(
    config: KafkaConfig,
    to_worker: mpsc::Sender<Announcement>,
    announcer: Announcer,
    instruments: Instruments,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let handler = Arc::new(Announcements { topic: config.topic.clone(), to_worker, announcer });
    let (_release, releases) = Release::new();
    let (book, budget) = (Arc::new(Book::default()), Budget::new(BUFFER_BYTES));
    group::run(&of_group(config), handler, book, releases, budget, instruments, &stop).await
}

fn of_group(config: KafkaConfig) -> GroupConfig {
    let KafkaConfig { cluster, topic, group, .. } = config;
    GroupConfig {
        kind: KIND,
        cluster,
        dead_letter_topic: format!("{topic}.dlq"),
        topic,
        group,
        session_timeout: Duration::from_secs(6),
        max_poll_interval: Duration::from_secs(300),
        offset_reset: OffsetReset::Earliest,
        limits: GroupLimits {
            batch: BatchLimits { messages: 500, bytes: 1_000_000, interval: Duration::from_millis(2) },
            // One is claimed while the next one is gathered.
            concurrent_flushes: 2,
            run_ahead: RunAhead { records: 100_000, bytes: 100_000_000 },
            // Records that wait for room need not be finished here: their next reader hands them to another worker.
            revoke_timeout: Duration::from_secs(1),
            brake: BrakeLimits { max_share: 1.0, max_consecutive: 0 },
        },
    }
}

/// Hands announcements on.
struct Announcements {
    topic: String,
    to_worker: mpsc::Sender<Announcement>,
    announcer: Announcer,
}

/// A record from its fetch until it is finished.
struct Received {
    fetched: Fetched,
    /// The submission that it announces, or why it announces none.
    id: Result<Uuid, String>,
}

impl AsRef<Fetched> for Received {
    fn as_ref(&self) -> &Fetched {
        &self.fetched
    }
}

impl RecordHandler for Announcements {
    type Record = Received;

    fn reader(&self) -> impl FnMut(Fetched) -> Received + Send + 'static {
        |fetched| {
            let id = record::announced(fetched.value.as_deref());
            if let Ok(id) = &id {
                let Fetched { partition, offset, .. } = fetched;
                tracing::info!(%id, partition, offset, "Received submission event from Kafka");
            }
            Received { fetched, id }
        }
    }

    fn bytes(&self, record: &Received) -> usize {
        let Fetched { key, value, .. } = &record.fetched;
        OVERHEAD_BYTES + [key, value].into_iter().flatten().map(Vec::len).sum::<usize>()
    }

    async fn write(&self, batch: &mut Flush<Received>) -> Written {
        let (mut ids, mut not_stored) = (Vec::new(), Vec::new());
        for (position, received) in batch.records.iter().enumerate() {
            match &received.cargo.id {
                Ok(id) => ids.push(*id),
                Err(_) => not_stored.push((position, NotStored::Never)),
            }
        }
        if !ids.is_empty() {
            let unclaimed = self.hand_over(ids).await;
            self.announcer.announce_again_in_turn(unclaimed).await;
        }
        Written { not_stored, why_later: None }
    }

    fn dead_letter(&self, record: &Received) -> DeadLetter {
        let Received { fetched, id } = record;
        let (topic, message) = (self.topic.clone(), id.as_ref().err().cloned().unwrap_or_default());
        let (partition, offset, id) = (fetched.partition, fetched.offset, fetched.keyed_id(&self.topic));
        DeadLetter { topic, partition, offset, reason: Reason::Undecodable, message, id }
    }

    fn log_line<'a>(&self, _: &'a Received) -> &'a str {
        // The reason itself may repeat what a client sent.
        "it announces no submission"
    }
}

impl Announcements {
    /// Waits until the worker is done with these, and returns those that it has not asked the store for.
    async fn hand_over(&self, ids: Vec<Uuid>) -> Vec<Uuid> {
        let (answer, answered) = oneshot::channel();
        match self.to_worker.send(Announcement { ids: ids.clone(), answer }).await {
            Ok(()) => answered.await.unwrap_or(ids),
            // It has stopped.
            Err(_) => ids,
        }
    }
}
