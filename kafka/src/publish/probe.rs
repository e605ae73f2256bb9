//! Tries a partition in trouble until it acknowledges: with a record whose batch was not acknowledged, because only a
//! record shows whether the partition takes records. Whatever becomes of that record itself, stored elsewhere or
//! unknown to its client, a copy under the same key changes nothing.

use std::time::Duration;

use anyhow::{Context, anyhow};
use service::Backoff;

use super::broker::{Broker, ProduceError};
use super::lane::LaneSettings;
use super::produce_request::EncodedBatch;
use super::refusal;
use super::routes::Cause;

/// The shortest and the longest wait between two tries.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Longest wait for the acknowledgement of one try.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns once the partition acknowledges, or is gone.
pub(super) async fn until_it_acknowledges(settings: &LaneSettings, partition: i32) {
    let mut backoff = Backoff::new(WAITS.0, WAITS.1);
    let mut connection = None;
    loop {
        backoff.wait().await;
        let troubles = settings.router.partitions();
        if !troubles.iter().any(|(number, trouble)| *number == partition && trouble.is_some()) {
            return;
        }
        match tried(settings, partition, &mut connection).await {
            Ok(()) => return settings.router.recovered(partition),
            Err((cause, reason)) => settings.router.fail(partition, cause, &reason),
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
        None => Broker::connect(&address).await.map_err(broken)?,
    };
    let Some(witness) = settings.router.witness() else { return Ok(()) };
    let batch = EncodedBatch::new(std::iter::once(&witness), settings.compression);
    let given_up = |why| Err(ProduceError::Broken(anyhow!("{why}")));
    let produced = tokio::select! {
        produced = broker.produce(&settings.topic, partition, &batch) => produced,
        () = another_leader(settings, partition, &address) => given_up("the leader has moved"),
        () = tokio::time::sleep(PATIENCE) => given_up("no acknowledgement within 5 s"),
    };
    if let Err(ProduceError::Refused(_)) = produced {
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
