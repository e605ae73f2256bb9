//! What follows when a client has ended, when the user may not write, and when what he shows Kafka has changed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use service::Backoff;
use tokio::sync::RwLockReadGuard;

use super::client_health::{ClientHealth, PROVEN_AFTER};
use super::{CLIENT_CONDITION, OrderedPublisher};
use crate::publish::error::PublishError;
use crate::shown::RIGHTS;

/// The pause after a client was replaced: what ended it may end the next one, too.
const REPLACED_PAUSE: Duration = Duration::from_secs(1);

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
        let Some(renewing) = &self.renewing else { return };
        let (files, mut version) = (self.config.cluster.security.files(), self.version);
        loop {
            files.changed_since(version).await;
            version = files.version();
            let topic = &self.config.topic;
            tracing::info!(topic, "what Kafka asks for has changed, a new Kafka client follows");
            let _locked = renewing.write().await;
            let mut backoff = Backoff::for_servers();
            while let Err(error) = self.client.renew().await {
                tracing::warn!(topic, error = format!("{error:#}"), "cannot make the Kafka client, trying again");
                backoff.wait().await;
            }
            self.deliveries.renewed.store(true, Ordering::Relaxed);
            self.deliveries.trouble.notify_one();
        }
    }

    /// Returns once no client is being renewed, with what keeps it so.
    ///
    /// # Errors
    /// When that takes longer than until then.
    pub(super) async fn settled(&self, deadline: Instant) -> Result<Option<RwLockReadGuard<'_, ()>>, PublishError> {
        let Some(renewing) = &self.renewing else { return Ok(None) };
        let settled = tokio::time::timeout_at(deadline.into(), renewing.read()).await;
        settled.map(Some).map_err(|_| PublishError::Away)
    }
}
