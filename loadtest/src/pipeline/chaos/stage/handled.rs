//! Waiting for the consumer group, and for the dead letters.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kafka::topics::Progress;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::Stage;
use crate::pipeline::chaos::extra::RecordPosition;
use crate::pipeline::chaos::topics::retry;

/// Longest wait: a member may hear of a new partition only after half a minute, and then have a lag to work off.
const DEADLINE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(500);

impl Stage {
    /// Waits until the group has finished the records at these positions.
    pub(crate) async fn until_handled(&self, positions: &[RecordPosition]) -> anyhow::Result<()> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            // Kafka is away now and then.
            let is_handled = self.progress().await.is_ok_and(|progress| are_finished(&progress, positions));
            if is_handled {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the group does not finish extra posts within {} s", DEADLINE.as_secs());
            sleep(PAUSE).await;
        }
    }

    /// Waits until the group has finished all that is in the topic now.
    pub(crate) async fn until_caught_up(&self) -> anyhow::Result<()> {
        let progress = retry("asking for the lag", || self.progress()).await?;
        let last = progress.iter().map(|progress| (progress.partition, progress.end - 1));
        self.until_handled(&last.collect::<Vec<_>>()).await
    }

    /// Waits until every bad record that was sent has its dead letter, and reads the dead letters out.
    pub(crate) async fn until_dead_lettered(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let without = self.poison.read_out(&self.kafka, &self.dead_letters).await;
            if matches!(without, Ok(0)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let without = without?;
                ensure!(without == 0, "{without} bad records have no dead letter after {} s", DEADLINE.as_secs());
            }
            sleep(PAUSE).await;
        }
    }

    async fn progress(&self) -> anyhow::Result<Vec<Progress>> {
        let (kafka, topic) = (Arc::clone(&self.kafka), self.topic.clone());
        spawn_blocking(move || kafka.progress(&topic)).await.context("asking for the lag failed")?
    }
}

/// Whether the group is past all of these positions.
fn are_finished(progress: &[Progress], positions: &[RecordPosition]) -> bool {
    positions.iter().all(|(partition, offset)| {
        progress.iter().any(|progress| progress.partition == *partition && progress.next() > *offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_finished_when_the_commit_is_beyond_it() {
        let progress = |partition, committed| Progress { partition, committed, low: 0, end: 100 };
        let group = [progress(0, Some(8)), progress(1, None)];
        assert!(are_finished(&group, &[]) && are_finished(&group, &[(0, 7)]));
        assert!(are_finished(&group, &[(1, -1)]), "an empty partition has nothing to finish");
        for unfinished in [(0, 8), (1, 0), (2, 0)] {
            assert!(!are_finished(&group, &[(0, 7), unfinished]), "{unfinished:?}");
        }
    }
}
