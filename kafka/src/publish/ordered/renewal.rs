//! What follows when the user may not write, or when what he shows Kafka has changed.

use std::time::Instant;

use service::Backoff;
use tokio::sync::RwLockReadGuard;

use super::client_health::PROVEN_AFTER;
use super::{HEALTH_PAUSE, OrderedPublisher};
use crate::publish::error::PublishError;
use crate::shown::RIGHTS;

impl OrderedPublisher {
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
        loop {
            self.config.cluster.security.files().changed().await;
            let topic = &self.config.topic;
            tracing::info!(topic, "what Kafka asks for has changed, a new Kafka client follows");
            let _locked = renewing.write().await;
            let mut backoff = Backoff::for_servers();
            while let Err(error) = self.client.renew().await {
                tracing::warn!(topic, error = format!("{error:#}"), "cannot make the Kafka client, trying again");
                backoff.wait().await;
            }
        }
    }

    /// Returns once no client is being renewed, with what keeps it so.
    ///
    /// # Errors
    /// When that takes longer than a record may wait.
    pub(super) async fn settled(&self) -> Result<Option<RwLockReadGuard<'_, ()>>, PublishError> {
        let Some(renewing) = &self.renewing else { return Ok(None) };
        let settled = tokio::time::timeout(self.timeout, renewing.read()).await;
        settled.map(Some).map_err(|_| PublishError::Away)
    }
}
