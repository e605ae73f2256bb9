//! The reports as the operators' listener serves them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, StatusCode};
use serde::Serialize;
use service::http::json;
use service::problem;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::error::Elapsed;

use super::SOMEBODY;
use super::groups::GroupsReport;
use super::kinds::{self, KindsReport};
use super::topics::TopicsReport;
use crate::config::ConsumerConfig;

/// How long a report, or a change, waits for the previous one.
const TURN: Duration = Duration::from_secs(5);

/// Makes the reports, one at a time: each has clients of its own. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reports {
    config: Arc<ConsumerConfig>,
    of_kafka: Arc<Mutex<()>>,
    /// Of its own: a pause must not wait for a Kafka that does not answer.
    of_store: Arc<Mutex<()>>,
}

impl Reports {
    /// On the kinds that this consumer serves.
    pub(crate) fn new(config: &ConsumerConfig) -> Self {
        Self { config: Arc::new(config.clone()), of_kafka: Arc::default(), of_store: Arc::default() }
    }

    /// The topics.
    pub(crate) async fn topics(&self) -> Response<Full<Bytes>> {
        self.answer(TopicsReport::ask).await
    }

    /// The groups.
    pub(crate) async fn groups(&self) -> Response<Full<Bytes>> {
        self.answer(GroupsReport::ask).await
    }

    /// The kinds.
    pub(crate) async fn kinds(&self) -> Response<Full<Bytes>> {
        let Ok(_place) = turn(&self.of_store).await else { return busy() };
        respond(KindsReport::ask(&self.config).await)
    }

    /// Pauses the kind of this name, or resumes it.
    pub(crate) async fn set_paused(&self, name: &str, is_paused: bool) -> Response<Full<Bytes>> {
        let Some(kind) = self.config.kinds.iter().copied().find(|kind| kind.name() == name) else {
            return problem::response(StatusCode::NOT_FOUND, "this consumer serves no kind of this name, see /kinds");
        };
        let Ok(_place) = turn(&self.of_store).await else { return busy() };
        let set = kinds::set(&self.config, kind, is_paused.then_some(SOMEBODY)).await;
        if set.is_ok() {
            tracing::info!(kind = kind.name(), is_paused, "operators pause or resume a kind");
        }
        respond(set)
    }

    /// A client that has gone does not end the report, so the place is free only once that is made.
    async fn answer<R: Serialize + Send + 'static>(
        &self,
        ask: fn(&ConsumerConfig) -> anyhow::Result<R>,
    ) -> Response<Full<Bytes>> {
        let Ok(place) = turn(&self.of_kafka).await else { return busy() };
        let config = Arc::clone(&self.config);
        let asked = tokio::task::spawn_blocking(move || {
            let _place = place;
            ask(&config)
        });
        match asked.await {
            Ok(report) => respond(report),
            Err(_) => problem::response(StatusCode::INTERNAL_SERVER_ERROR, "asking Kafka failed"),
        }
    }
}

/// The place, once the previous one is done.
async fn turn(places: &Arc<Mutex<()>>) -> Result<OwnedMutexGuard<()>, Elapsed> {
    tokio::time::timeout(TURN, Arc::clone(places).lock_owned()).await
}

fn busy() -> Response<Full<Bytes>> {
    problem::response(StatusCode::SERVICE_UNAVAILABLE, "another report is being made, ask again later")
}

/// The same JSON as a command prints, or why there is none.
fn respond(report: anyhow::Result<impl Serialize>) -> Response<Full<Bytes>> {
    match report.map(|report| serde_json::to_vec(&report)) {
        Ok(Ok(text)) => json(StatusCode::OK, text),
        Ok(Err(error)) => problem::response(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Err(error) => problem::response(StatusCode::SERVICE_UNAVAILABLE, &format!("{error:#}")),
    }
}
