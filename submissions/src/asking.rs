//! Requests to the store, none of which may wait without end, and what the service says while they are not answered.

use std::future::Future;
use std::time::{Duration, Instant};

use service::Readiness;
use uuid::Uuid;

use crate::scope::Scope;
use crate::store::{Store, StoreError};
use crate::submission::Submission;

/// The condition of readiness that the store answers.
pub(crate) const CONDITION: &str = "database";

/// The longest wait for an answer. The stores have limits of their own, which are shorter; this one is for what they do
/// not foresee.
const PATIENCE: Duration = Duration::from_secs(15);

/// The store's answer.
pub(crate) async fn answer<T>(request: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    answer_within(PATIENCE, request).await
}

/// The store's answer, if it comes within this time.
pub(crate) async fn answer_within<T>(
    patience: Duration,
    request: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(patience, request).await {
        Ok(answer) => answer,
        Err(_) => Err(StoreError(format!("no answer within {patience:?}"))),
    }
}

/// These submissions as they are, one at a time: it happens only after errors.
pub(crate) async fn look_up(store: &dyn Store, ids: &[Uuid]) -> Result<Vec<Option<Submission>>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.push(answer(store.get(&Scope::All, *id)).await?);
    }
    Ok(found)
}

/// Shows whether the store answers this part of the service, with a line in the log when that changes.
pub(crate) fn show(readiness: &Readiness, error: Option<&str>, part: &'static str) {
    match error {
        None => {
            if readiness.met(CONDITION) {
                tracing::info!(part, "the database answers");
            }
        }
        Some(error) => {
            if readiness.unmet(CONDITION, error) {
                tracing::warn!(part, error, "the database does not answer, trying again");
            }
        }
    }
}

/// Waits until then, or forever.
pub(crate) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
