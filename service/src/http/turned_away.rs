//! Connections beyond the limit. Each gets an answer and closes. A bounded number of them linger, so that the answer
//! also reaches clients whose request is on its way.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::http::lingering::Lingering;
use crate::http::phase::Phase;

/// How many of them linger at the same time. Any others are closed at once.
pub(super) const MOST: usize = 64;

/// Turns connections away.
pub(super) struct TurnedAway(Arc<Semaphore>);

impl Default for TurnedAway {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl TurnedAway {
    /// Answers 503 if the socket's buffer has room for it now, and ends the connection, within `tasks` and until
    /// `stopping`'s sender is gone.
    pub(super) fn add(&self, stream: TcpStream, tasks: &TaskTracker, mut stopping: watch::Receiver<()>) {
        let written = stream.try_write(answer().as_bytes());
        tracing::debug!(answered = written.is_ok(), "too many connections: turned one away");
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else { return };
        tasks.spawn(async move {
            let mut stream = Lingering::new(stream, Phase::unread());
            tokio::select! {
                _ = stream.shutdown() => {}
                _ = stopping.changed() => {}
            }
            drop(place);
        });
    }
}

fn answer() -> String {
    let problem = r#"{"title":"Service Unavailable","status":503,"detail":"too many connections: try again"}"#;
    format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{problem}",
        problem.len()
    )
}
