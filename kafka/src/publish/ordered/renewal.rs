//! What follows when a client has ended, when the user may not write, when what he shows Kafka has changed, and when
//! the topic takes only smaller batches.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use service::Backoff;

use super::client_health::{ClientHealth, PROVEN_AFTER};
use super::{CLIENT_CONDITION, OrderedPublisher};
use crate::shown::RIGHTS;
use crate::topics::{Admin, LARGEST};

/// The pause after a client was replaced: what ended it may end the next one, too.
const REPLACED_PAUSE: Duration = Duration::from_secs(1);

/// How long Kafka has to say what the topic takes.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a client whose predecessors did not work is looked at.
const HEALTH_PAUSE: Duration = Duration::from_millis(500);

impl OrderedPublisher {
    /// Replaces a client that has ended, and says whether its successors work.
    pub(super) async fn replace(&self) {
        let mut health = ClientHealth::default();
        self.readiness.met(CLIENT_CONDITION);
        loop {
            let ended = self.deliveries.ended.notified();
            let has_ended = match health.works_at() {
                None => {
                    ended.await;
                    true
                }
                Some(_) => tokio::time::timeout(HEALTH_PAUSE, ended).await.is_ok(),
            };
            if has_ended && let Some(reason) = self.client.replace_if_ended().await {
                let has_acknowledged = self.deliveries.take_acknowledged();
                if let Some(count) = health.ended(has_acknowledged, Instant::now()) {
                    let reason = format!("{count} Kafka clients in a row have ended with an error: {reason}");
                    self.readiness.unmet(CLIENT_CONDITION, reason);
                }
                tokio::time::sleep(REPLACED_PAUSE).await;
            } else if health.works_again(self.deliveries.has_acknowledged(), Instant::now()) {
                self.readiness.met(CLIENT_CONDITION);
                tracing::info!(topic = self.config.topic, "the Kafka client works again");
            }
        }
    }

    /// Only a record shows whether the user may write. Until one is acknowledged, or none was refused for a while, the
    /// publisher is not ready.
    pub(super) async fn show_rights(&self) {
        self.readiness.met(RIGHTS);
        loop {
            self.deliveries.refused.notified().await;
            let topic = &self.config.topic;
            let reason = format!("the user needs Write on the topic {topic}, see docs/security.md");
            tracing::warn!(topic, reason, "Kafka does not let the user write");
            self.readiness.unmet(RIGHTS, reason);
            self.deliveries.take_acknowledged();
            let mut refused_at = Instant::now();
            while !self.deliveries.has_acknowledged() && refused_at.elapsed() < PROVEN_AFTER {
                if tokio::time::timeout(HEALTH_PAUSE, self.deliveries.refused.notified()).await.is_ok() {
                    refused_at = Instant::now();
                }
            }
            self.readiness.met(RIGHTS);
        }
    }

    /// Replaces the client whenever a file of the cluster's security has changed.
    pub(super) async fn renew(&self) {
        let (files, mut version) = (self.config.cluster.security.files(), self.version);
        if files.is_empty() {
            return;
        }
        loop {
            files.changed_since(version).await;
            version = files.version();
            let topic = &self.config.topic;
            tracing::info!(topic, "what Kafka asks for has changed, a new Kafka client follows");
            self.renewed().await;
            self.deliveries.renewed.store(true, Ordering::Relaxed);
            self.deliveries.trouble.notify_one();
        }
    }

    /// Renews the client whenever the topic takes only smaller batches than the current one's.
    pub(super) async fn fit(&self) {
        loop {
            let batch_bytes = &self.deliveries.batch_bytes;
            batch_bytes.refused().await;
            let (topic, largest) = (&self.config.topic, self.largest_batch().await);
            let bytes = batch_bytes.lower(largest);
            tracing::warn!(
                topic,
                bytes,
                "the topic's max.message.bytes is less than PRODUCER_BATCH_BYTES, sending smaller batches"
            );
            self.renewed().await;
        }
    }

    /// The topic's limit, unless Kafka does not say it: the user may lack the right to ask.
    async fn largest_batch(&self) -> Option<usize> {
        let admin = Admin::new(&self.config.cluster, "producer", PATIENCE).ok()?;
        let largest = admin.setting(&self.config.topic, LARGEST).await;
        // Dropping it waits for its thread.
        drop(tokio::task::spawn_blocking(move || drop(admin)));
        largest.ok()?.ok()?.parse().ok()
    }

    /// Renews the client, however often that must be tried.
    async fn renewed(&self) {
        let mut backoff = Backoff::for_servers();
        while let Err(error) = self.client.renew().await {
            let (topic, error) = (&self.config.topic, format!("{error:#}"));
            tracing::warn!(topic, error, "cannot make the Kafka client, trying again");
            backoff.wait().await;
        }
    }
}
