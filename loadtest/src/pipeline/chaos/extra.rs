//! Posts that the lab sends past the producer, straight into the topic, and the proof that each is stored. Their titles
//! have no number of the run, so the ledger does not know them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::ensure;
use contract::PostId;
use kafka::topics::{Outgoing, Sender};
use serde::Serialize;
use serde_json::json;

use crate::ledger::post::RunId;
use crate::pipeline::store::StoreReader;

/// The position of a record: partition and offset.
pub(crate) type RecordPosition = (i32, i64);

/// Sends extra posts and remembers those that Kafka has acknowledged.
pub(crate) struct ExtraPosts {
    run: RunId,
    topic: String,
    acknowledged: Mutex<Vec<PostId>>,
}

/// What became of the extra posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ExtraReport {
    /// Acknowledged by Kafka.
    pub(crate) sent: u64,
    /// Of those, the posts that are not stored.
    pub(crate) missing: u64,
}

impl ExtraPosts {
    pub(crate) fn of(run: RunId, topic: &str) -> Self {
        Self { run, topic: topic.to_owned(), acknowledged: Mutex::default() }
    }

    /// Sends this many posts of one title and waits for the acknowledgements. Returns their positions.
    ///
    /// # Errors
    /// When Kafka does not acknowledge each of them.
    pub(crate) async fn send(
        &self,
        sender: &Sender,
        title: &str,
        count: usize,
        partition: Option<i32>,
    ) -> anyhow::Result<Vec<RecordPosition>> {
        let mut sending = Vec::new();
        for _ in 0..count {
            let id = PostId::fresh();
            let (key, value) = (id.to_key(), post(self.run, title, id));
            let record = Outgoing {
                topic: &self.topic,
                partition,
                key: &key,
                value: Some(value.as_bytes()),
                ..Outgoing::default()
            };
            sending.extend(sender.send(record).map(|sending| (id, sending)));
        }
        let mut positions = Vec::new();
        for (id, sending) in sending {
            if let Ok(position) = sending.acknowledged().await {
                positions.push(position);
                self.acknowledged().push(id);
            }
        }
        ensure!(positions.len() == count, "Kafka acknowledged {} of {count} posts", positions.len());
        Ok(positions)
    }

    /// Looks for every acknowledged post in the store.
    pub(crate) async fn look_for(self, store: &StoreReader) -> anyhow::Result<ExtraReport> {
        let sent = self.acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner);
        if sent.is_empty() {
            return Ok(ExtraReport::default());
        }
        let stored = store.which(&sent).await?;
        let missing = sent.iter().filter(|id| !stored.contains(id)).count();
        Ok(ExtraReport { sent: sent.len() as u64, missing: missing as u64 })
    }

    fn acknowledged(&self) -> MutexGuard<'_, Vec<PostId>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The JSON of a post.
fn post(run: RunId, title: &str, id: PostId) -> String {
    let title = format!("{}{title}", run.extra_prefix());
    json!({ "title": title, "content": format!("post {} past the producer", id.uuid()) }).to_string()
}

#[cfg(test)]
mod tests {
    use contract::Parser;

    use super::*;

    #[test]
    fn an_extra_post_is_valid_and_not_one_of_the_run() {
        let run = RunId::fresh();
        let mut value = post(run, "index 18446744073709551615", PostId::fresh()).into_bytes();
        let mut parser = Parser::default();
        let parsed = parser.parse(&mut value).unwrap();
        assert_eq!(run.number_in(parsed.title()), None);
        assert!(!parsed.title().starts_with(&run.title_prefix()));
    }
}
