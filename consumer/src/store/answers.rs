//! Answers of the store that come in time, or not at all.

use std::time::Duration;

/// Longest wait for one answer; the driver itself would wait forever for a server that hangs.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn answer<T>(request: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, String> {
    within(ANSWER_TIMEOUT, request).await
}

pub(super) async fn within<T>(
    deadline: Duration,
    request: impl IntoFuture<Output = mongodb::error::Result<T>>,
) -> Result<T, String> {
    match tokio::time::timeout(deadline, request.into_future()).await {
        Ok(answer) => answer.map_err(|error| error.kind.to_string()),
        Err(_) => Err(no_answer(deadline)),
    }
}

pub(super) fn no_answer(deadline: Duration) -> String {
    format!("no answer within {deadline:?}")
}
