//! Asks Kafka once a second for the end offsets that the lag is computed from, on a thread of its own since librdkafka's
//! questions block. Tells by the way whether Kafka is there.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use service::Readiness;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::group::{GroupConsumer, to_list};
use crate::kafka::{ANSWER_TIMEOUT, CONDITION};
use crate::lag::{Book, Committed};

/// How often Kafka is asked.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Keeps the book up to date.
pub(crate) struct Watch {
    consumer: Arc<GroupConsumer>,
    topic: String,
    book: Arc<Book>,
    readiness: Readiness,
    stop: CancellationToken,
}

impl Watch {
    pub(crate) fn new(
        consumer: Arc<GroupConsumer>,
        config: &Config,
        book: Arc<Book>,
        readiness: Readiness,
        stop: CancellationToken,
    ) -> Self {
        Self { consumer, topic: config.kafka.topic.clone(), book, readiness, stop }
    }

    /// Blocks its thread until the stop.
    pub(crate) fn run(self) {
        const STEP: Duration = Duration::from_millis(100);
        while !self.stop.is_cancelled() {
            match self.ask() {
                Ok(()) => {
                    if self.readiness.met(CONDITION) {
                        tracing::info!("Kafka answers again");
                    }
                }
                Err(error) => {
                    if self.readiness.unmet(CONDITION, format!("does not answer: {error}")) {
                        tracing::warn!(%error, "Kafka does not answer");
                    }
                }
            }
            let mut waited = Duration::ZERO;
            while waited < WATCH_INTERVAL && !self.stop.is_cancelled() {
                std::thread::sleep(STEP);
                waited += STEP;
            }
        }
    }

    fn ask(&self) -> KafkaResult<()> {
        let held = self.book.held();
        if held.is_empty() {
            self.consumer.fetch_metadata(Some(&self.topic), ANSWER_TIMEOUT)?;
        }
        for (partition, committed) in held {
            let (low, high) = self.consumer.fetch_watermarks(&self.topic, partition, ANSWER_TIMEOUT)?;
            self.book.watermarks(partition, low, high);
            if committed == Committed::Unknown {
                self.book.committed_before(partition, self.ask_committed(partition)?);
            }
        }
        Ok(())
    }

    fn ask_committed(&self, partition: i32) -> KafkaResult<Committed> {
        let list = to_list(&self.topic, [(partition, None)].into_iter());
        let answer = self.consumer.committed_offsets(list, ANSWER_TIMEOUT)?;
        let offset = answer.find_partition(&self.topic, partition).map(|element| element.offset());
        Ok(match offset {
            Some(Offset::Offset(offset)) => Committed::Offset(offset),
            _ => Committed::Nothing,
        })
    }
}
