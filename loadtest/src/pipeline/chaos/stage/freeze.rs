//! Frozen services: they come back with everything they had, and do not know that time has passed.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::time::sleep;

use super::{Stage, leave};
use crate::pipeline::scrape::MetricsPage;
use crate::pipeline::services::Service;

/// The consumer's buffer counts as full at this share, because the next record's size decides when fetching pauses.
const FULL: f64 = 0.9;

/// Longest wait for a full buffer; without load it never fills.
const FILL_DEADLINE: Duration = Duration::from_secs(20);
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// The consumer pauses fetching a second after its buffer is full.
const UNTIL_PAUSED: Duration = Duration::from_millis(1_500);

/// How long the member that took over stays when the frozen one is back.
const TOGETHER: Duration = Duration::from_secs(5);

impl Stage {
    /// Freezes the producer for the hold.
    pub(crate) async fn pause_producer(&self, hold: Duration) -> anyhow::Result<String> {
        let producer = self.producer.lock().await;
        ensure!(producer.is_running(), producer.failure().await);
        producer.pause()?;
        sleep(hold).await;
        producer.resume()?;
        Ok(String::new())
    }

    /// Freezes the consumer for the hold, its buffer full and fetching paused: the store is frozen first, and resumed
    /// when the consumer is frozen. Every other time another member takes over meanwhile; otherwise nobody has the
    /// partitions until the consumer gets them back.
    pub(crate) async fn pause_consumer(&self, hold: Duration, dice: u64) -> anyhow::Result<String> {
        let (consumer, store) = (self.consumer.lock().await, self.store.lock().await);
        ensure!(consumer.is_running(), consumer.failure().await);
        store.pause()?;
        let buffered = fill(&consumer).await;
        let frozen = consumer.pause();
        store.resume()?;
        frozen?;
        let begin = Instant::now();
        let member = if dice.is_multiple_of(2) { None } else { Some(self.another_member().await) };
        // The other member's start is part of the hold.
        sleep(hold.saturating_sub(begin.elapsed())).await;
        let taken = match &member {
            Some(Ok(member)) => stored(member).await,
            _ => None,
        };
        consumer.resume()?;
        let mut remark = format!("buffer {:.0} % full", buffered * 100.0);
        if let Some(member) = member {
            let member = member?;
            sleep(TOGETHER).await;
            let taken = taken.map_or("an unknown number of".to_owned(), |stored| stored.to_string());
            remark.push_str(&format!(
                ", {} stored {taken} posts meanwhile and {}",
                member.name(),
                leave(&member).await
            ));
        }
        Ok(remark)
    }
}

/// Waits until the consumer's buffer is full and fetching is paused, or until that has taken too long. Returns how full
/// it is.
async fn fill(consumer: &Service) -> f64 {
    let deadline = Instant::now() + FILL_DEADLINE;
    let mut share = 0.0;
    while Instant::now() < deadline {
        share = buffered(consumer).await.unwrap_or(share);
        if share >= FULL {
            sleep(UNTIL_PAUSED).await;
            return buffered(consumer).await.unwrap_or(share);
        }
        sleep(LOOK_PAUSE).await;
    }
    share
}

/// How full the consumer's buffer is, from 0 to 1, if it reports that.
async fn buffered(consumer: &Service) -> Option<f64> {
    let metrics = MetricsPage::get(&consumer.operators, consumer.kind).await.ok()?;
    Some(metrics.sum("ingest_buffered_bytes")? / metrics.sum("ingest_buffered_bytes_limit")?)
}

/// How many posts a member has stored.
async fn stored(member: &Service) -> Option<f64> {
    MetricsPage::get(&member.operators, member.kind).await.ok()?.sum("ingest_records_stored_total")
}
