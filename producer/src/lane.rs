//! A lane: one connection to a partition's leader. The lanes of a partition take turns at its queue: one collects the next
//! batch while the others wait for their acknowledgements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rskafka::client::Client;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use tokio::sync::{Mutex, Notify, watch};

use crate::metrics::Metrics;
use crate::queue::QueueReceiver;

/// What all lanes share.
pub(crate) struct LaneSettings {
    pub(crate) topic: String,
    pub(crate) compression: Compression,
    pub(crate) timeout: Duration,
    pub(crate) metrics: Arc<Metrics>,
    /// The supervisor's current client.
    pub(crate) client: watch::Receiver<Option<Arc<Client>>>,
    /// Wakes the supervisor when a batch failed.
    pub(crate) trouble: Arc<Notify>,
}

/// Sends the queue's batches until the queue is closed and empty.
pub(crate) async fn run(settings: Arc<LaneSettings>, partition: i32, queue: Arc<Mutex<QueueReceiver>>) {
    let mut connection: Option<PartitionClient> = None;
    loop {
        let batch = queue.lock().await.next_batch().await;
        let Some(batch) = batch else { return };
        // Whoever was answered 503 meanwhile is not sent any more.
        let waiting = batch.into_items().into_iter().filter(|submission| !submission.request.acknowledged.is_closed());
        let (records, requests): (Vec<_>, Vec<_>) =
            waiting.map(|submission| (submission.record, submission.request)).unzip();
        if records.is_empty() {
            continue;
        }
        settings.metrics.batch_records.record(records.len() as f64);
        let started = Instant::now();
        let produce = async {
            let client = match connection.take() {
                Some(client) => client,
                None => settings.connect(partition).await?,
            };
            let offsets = client.produce(records, settings.compression).await?;
            connection = Some(client);
            Ok::<_, anyhow::Error>(offsets)
        };
        match tokio::time::timeout(settings.timeout, produce).await {
            Ok(Ok(offsets)) => {
                settings.metrics.produce_seconds.record(started.elapsed());
                for (request, offset) in requests.into_iter().zip(offsets) {
                    // A request that is gone needs no answer.
                    request.acknowledged.send(offset).ok();
                }
            }
            Ok(Err(error)) => settings.report(partition, requests.len(), &format!("{error:#}")),
            Err(_) => settings.report(partition, requests.len(), "no acknowledgement within PRODUCER_TIMEOUT"),
        }
    }
}

impl LaneSettings {
    async fn connect(&self, partition: i32) -> anyhow::Result<PartitionClient> {
        let client = self.client.borrow().clone();
        let client = client.ok_or_else(|| anyhow::anyhow!("not connected"))?;
        Ok(client.partition_client(&self.topic, partition, UnknownTopicHandling::Error).await?)
    }

    fn report(&self, partition: i32, posts: usize, error: &str) {
        tracing::warn!(
            topic = self.topic,
            partition,
            posts,
            error,
            "batch not acknowledged, its posts are answered 503"
        );
        self.trouble.notify_one();
    }
}
