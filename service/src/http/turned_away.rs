//! Connections beyond a limit. Each gets an answer and closes. A bounded number of them linger, so that the answer also
//! reaches clients whose request is on its way.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, watch};
use tokio_util::either::Either;
use tokio_util::task::TaskTracker;

use crate::http::lingering::Lingering;
use crate::http::phase::Phase;
use crate::http::stream::Stream;

/// How many of them linger at the same time. Any others are closed at once.
pub(super) const MOST: usize = 64;

/// Turns connections away.
pub(super) struct TurnedAway(Arc<Semaphore>);

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooMany {
    /// The server has reached its limit.
    OfAll,
    /// The client's address has reached its limit.
    OfAddress,
}

impl Default for TurnedAway {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl TurnedAway {
    /// Answers 503 or 429 if the socket's buffer has room for it now, and ends the connection, within `tasks` and until
    /// `stopping`'s sender is gone. An encrypted connection gets its answer only if it can linger.
    pub(super) fn add(&self, stream: Stream, why: TooMany, tasks: &TaskTracker, mut stopping: watch::Receiver<()>) {
        let answer = why.answer();
        let unwritten = match &stream {
            Either::Left(stream) => {
                let written = stream.get_ref().try_write(answer.as_bytes());
                tracing::debug!(?why, answered = written.is_ok(), "too many connections: turned one away");
                None
            }
            Either::Right(_) => Some(answer),
        };
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else { return };
        tasks.spawn(async move {
            let mut stream = Lingering::new(stream, Phase::unread());
            let ending = async {
                if let Some(answer) = unwritten {
                    stream.write_all(answer.as_bytes()).await?;
                }
                stream.shutdown().await
            };
            tokio::select! {
                _ = ending => {}
                _ = stopping.changed() => {}
            }
            drop(place);
        });
    }
}

impl TooMany {
    fn answer(self) -> String {
        match self {
            Self::OfAll => {
                let detail = "too many connections: try again";
                answer("503 Service Unavailable", "Service Unavailable", detail, Some(1))
            }
            Self::OfAddress => {
                let detail = "too many connections from this address: use those that are open";
                answer("429 Too Many Requests", "Too Many Requests", detail, Some(1))
            }
        }
    }
}

/// A whole answer that ends its connection.
pub(super) fn answer(status: &str, title: &str, detail: &str, retry_after_seconds: Option<u32>) -> String {
    let code = &status[..3];
    let problem = format!(r#"{{"title":"{title}","status":{code},"detail":"{detail}"}}"#);
    let retry_after = retry_after_seconds.map_or(String::new(), |seconds| format!("retry-after: {seconds}\r\n"));
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\n{retry_after}\
         connection: close\r\ncontent-length: {}\r\n\r\n{problem}",
        problem.len()
    )
}
