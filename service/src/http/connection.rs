//! One connection, from start to end: it lasts until its client ends it or, when the server stops, until the current
//! request is answered.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use crate::http::bell::Bell;
use crate::http::lingering::Lingering;
use crate::http::phase::Phase;
use crate::http::pieces::Pieces;
use crate::http::stream::Stream;

/// What hyper reads from and writes to.
pub(super) type ClientStream = Lingering<Stream>;

/// How long a stopping server waits for a client to send the rest of a request, and to read its answer. Three times
/// this is less than any sensible grace, so a slow client cannot use it up.
pub const LAST_CALL: Duration = Duration::from_millis(500);

/// Serves it until it ends by itself. Once `stopping`'s sender is gone, it ends as soon as it is idle, its current
/// request is answered, or its client has had its [`LAST_CALL`].
///
/// # Errors
/// When it did not end cleanly.
pub(super) async fn run<S>(
    connection: http1::Connection<TokioIo<ClientStream>, S>,
    bell: Bell,
    phase: Phase,
    mut stopping: watch::Receiver<()>,
) -> hyper::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<Pieces>, Error = std::convert::Infallible>,
{
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = poll_fn(|context| bell.poll(connection.as_mut(), context)) => Some(ended),
        _ = stopping.changed() => None,
    };
    match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                biased;
                ended = poll_fn(|context| bell.poll(connection.as_mut(), context)) => ended,
                () = last_call(&phase) => {
                    tracing::debug!("stopping: cut a slow client's connection");
                    Ok(())
                }
            }
        }
    }
}

/// Returns once nothing has been answered for [`LAST_CALL`]. A look at its start and at its end is enough, because a
/// connection that is about to end accepts no second request.
async fn last_call(phase: &Phase) {
    loop {
        let was_answering = phase.is_answering();
        tokio::time::sleep(LAST_CALL).await;
        if !was_answering && !phase.is_answering() {
            return;
        }
    }
}
