//! Faults of the topics themselves: one that is deleted, one that grows, and an index by which good posts become dead
//! letters.

use std::time::Duration;

use contract::dead_letter::Reason;
use kafka::topics::Sender;
use tokio::time::{Instant, sleep};

use super::Stage;
use crate::pipeline::chaos::topics::retry;
use crate::pipeline::services::dead_letters;
use crate::pipeline::topic::CLIENT_ID;

/// Extra posts of one kind that are sent together.
const EXTRA_POSTS: usize = 5;

/// No topic grows beyond this many partitions.
const MOST_PARTITIONS: usize = 32;

/// Some brokers forget a deleted topic a little later than others.
const UNTIL_EVERY_BROKER_KNOWS: Duration = Duration::from_millis(500);

const INDEX: &str = "chaos";

impl Stage {
    /// Deletes the topic of the dead letters, sends bad records, and recreates the topic as it was. No bad record is
    /// on its way when it is deleted, and all its dead letters have been read out, so the lab itself loses none.
    pub(crate) async fn lose_dead_letter_topic(&self, hold: Duration) -> anyhow::Result<String> {
        self.until_dead_lettered().await?;
        let settings = self.topics.settings(&self.dead_letters).await?;
        let deleted = self.topics.delete(&self.dead_letters).await;
        sleep(UNTIL_EVERY_BROKER_KNOWS).await;
        let sent = self.poison.send(&self.sender).await;
        sleep(hold).await;
        self.topics.create(&self.dead_letters, &settings).await?;
        let recreated = Instant::now();
        deleted?;
        self.until_dead_lettered().await?;
        let after = recreated.elapsed().as_secs_f64();
        Ok(format!("{sent} bad records meanwhile, the last dead letter {after:.1} s after the topic was back"))
    }

    /// Creates an index that makes titles unique while some posts have the same one, drops it after the hold, and lets
    /// the product's own command send the dead letters back.
    pub(crate) async fn make_index(&self, hold: Duration, dice: u64) -> anyhow::Result<String> {
        let title = format!("index {dice}");
        let first = self.extra.send(&self.sender, &title, 1, None).await?;
        self.until_handled(&first).await?;
        let collided = match self.documents.make_unique(INDEX).await {
            Ok(()) => self.collide(&title, hold).await,
            Err(error) => Err(error),
        };
        // Even if its creation was not answered in time.
        let dropped = self.documents.drop_index(INDEX).await;
        collided.and(dropped)?;
        let said = dead_letters::replay(Reason::Conflict, &self.options).await?;
        self.until_caught_up().await?;
        Ok(format!("{EXTRA_POSTS} posts with a title that is taken; the replay: {said}"))
    }

    async fn collide(&self, title: &str, hold: Duration) -> anyhow::Result<()> {
        let positions = self.extra.send(&self.sender, title, EXTRA_POSTS, None).await?;
        self.until_handled(&positions).await?;
        sleep(hold).await;
        Ok(())
    }

    /// Adds a partition to the topic, and posts to it.
    pub(crate) async fn add_partition(&self) -> anyhow::Result<String> {
        let Some(partition) = self.topics.grow(&self.topic, MOST_PARTITIONS).await? else {
            return Ok(format!("none added, there are {MOST_PARTITIONS}"));
        };
        let (grown, title) = (Instant::now(), &format!("partition {partition}"));
        // Each attempt has a client of its own, because an older one may not know the new partition yet.
        let send = || async move {
            let sender = Sender::new(&self.options.kafka, CLIENT_ID)?;
            self.extra.send(&sender, title, EXTRA_POSTS, Some(partition)).await
        };
        let positions = retry("sending posts to a new partition", send).await?;
        self.until_handled(&positions).await?;
        let after = grown.elapsed().as_secs_f64();
        Ok(format!("partition {partition}, its first {EXTRA_POSTS} posts finished after {after:.1} s"))
    }
}
