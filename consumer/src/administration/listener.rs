//! The reports as the operators' listener serves them.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use serde::Serialize;
use service::http::json;
use service::problem;
use tokio::sync::Mutex;

use super::groups::GroupsReport;
use super::topics::TopicsReport;
use crate::config::ConsumerConfig;

/// Makes the reports, one at a time: each has clients of Kafka of its own. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reports {
    config: Arc<ConsumerConfig>,
    making: Arc<Mutex<()>>,
}

impl Reports {
    /// On the kinds that this consumer serves.
    pub(crate) fn new(config: &ConsumerConfig) -> Self {
        Self { config: Arc::new(config.clone()), making: Arc::default() }
    }

    /// The topics.
    pub(crate) async fn topics(&self) -> Response<Full<Bytes>> {
        self.answer(TopicsReport::ask).await
    }

    /// The groups.
    pub(crate) async fn groups(&self) -> Response<Full<Bytes>> {
        self.answer(GroupsReport::ask).await
    }

    /// A client that has gone does not end the report, so the place is free only once that is made.
    async fn answer<R: Serialize + Send + 'static>(
        &self,
        ask: fn(&ConsumerConfig) -> anyhow::Result<R>,
    ) -> Response<Full<Bytes>> {
        let place = Arc::clone(&self.making).lock_owned().await;
        let config = Arc::clone(&self.config);
        let asked = tokio::task::spawn_blocking(move || {
            let _place = place;
            ask(&config)
        });
        match asked.await {
            Ok(Ok(report)) => answer(&report),
            Ok(Err(error)) => problem::response(StatusCode::SERVICE_UNAVAILABLE, &format!("{error:#}")),
            Err(_) => problem::response(StatusCode::INTERNAL_SERVER_ERROR, "asking Kafka failed"),
        }
    }
}

/// The same JSON as a command prints.
fn answer(report: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(report) {
        Ok(text) => json(StatusCode::OK, text),
        Err(error) => problem::response(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}
