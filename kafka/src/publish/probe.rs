//! Tries partitions in trouble until they acknowledge: with a record whose batch was not acknowledged, because only a
//! record shows whether a partition takes records. Whatever becomes of that record itself, stored elsewhere or unknown
//! to its client, a copy under the same key changes nothing.
//!
//! The partitions of a broker have turns at few connections, so that a dead broker costs the same however many
//! partitions it leads.

use std::time::Duration;

use anyhow::{Context, anyhow};
use service::Backoff;

use super::lane::LaneSettings;
use super::produce::ProduceError;
use super::produce_request::EncodedBatch;
use super::refusal;
use super::routes::Cause;
use crate::broker::Broker;
use crate::broker::topology::BrokerId;

/// The shortest and the longest wait after a try that failed.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Longest wait for the acknowledgement of one try.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns once none of the broker's partitions waits for a try. Where one acknowledges again, the next one is tried at
/// once.
pub(super) async fn run(settings: &LaneSettings, broker: BrokerId) {
    let mut backoff = Backoff::new(WAITS.0, WAITS.1);
    let mut connection = None;
    backoff.wait().await;
    while let Some(turn) = settings.router.next_try(broker) {
        match tried(settings, turn.partition, &mut connection).await {
            Ok(()) => {
                settings.router.recovered(turn.partition);
                backoff.reset();
            }
            Err((cause, reason)) => {
                settings.router.fail(turn.partition, cause, &reason);
                drop(turn);
                backoff.wait().await;
            }
        }
    }
}

/// One try; why it failed. A connection that broke is not used again.
async fn tried(
    settings: &LaneSettings,
    partition: i32,
    open: &mut Option<(String, Broker)>,
) -> Result<(), (Cause, String)> {
    let broken = |error: anyhow::Error| (Cause::Broken, format!("{error:#}"));
    let address = settings.router.leader_address(partition).context("it has no leader").map_err(broken)?;
    let broker = match open.take().filter(|(where_open, _)| *where_open == address) {
        Some((_, broker)) => broker,
        None => Broker::connect(&settings.connector, &address).await.map_err(broken)?,
    };
    let Some(witness) = settings.router.witness() else { return Ok(()) };
    let batch = EncodedBatch::new(std::iter::once(&witness), settings.compression);
    let given_up = |why| Err(ProduceError::Broken(anyhow!("{why}")));
    let produced = tokio::select! {
        produced = broker.produce(&settings.topic, partition, &batch) => produced,
        () = another_leader(settings, partition, &address) => given_up("the leader has moved"),
        () = tokio::time::sleep(PATIENCE) => given_up("no acknowledgement within 5 s"),
    };
    if !matches!(produced, Err(ProduceError::Broken(_))) {
        *open = Some((address, broker));
    }
    // Nothing but its size is in the way of a record that is too large.
    produced.err().and_then(refusal::trouble).map_or(Ok(()), Err)
}

/// Returns once the partition's leader is no longer at this address: what was sent there may wait without end.
async fn another_leader(settings: &LaneSettings, partition: i32, address: &str) {
    let mut changes = settings.router.changes();
    while settings.router.leader_address(partition).is_none_or(|leader| leader == address) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}
