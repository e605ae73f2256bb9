//! Reads a request's body, bounded in bytes and in time, whether or not its length is announced. All bodies that do not
//! come in one piece share one budget of bytes; otherwise each of ten thousand slow clients could hold one of the
//! largest size.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use service::Registry;
use service::http::{LAST_CALL, RequestBody};
use tokio_util::sync::CancellationToken;

use crate::config::ProducerConfig;
use crate::rejection::Rejection;

pub(crate) mod budget;

use budget::{BodyBudget, Share};

/// The most bytes allocated for a body before they arrive: a client that announces much may send nothing.
const FIRST_BYTES: usize = 4096;

/// Reads bodies.
pub(crate) struct BodyReader {
    max_bytes: usize,
    max_bulk_bytes: usize,
    timeout: Duration,
    budget: BodyBudget,
    stop: CancellationToken,
}

/// A whole body.
pub(crate) enum HeldBody {
    /// It came in one piece, and is in the connection's own buffer, which is bounded.
    Piece(Bytes),
    /// It came in several, or slowly.
    Collected(CollectedBody),
}

/// A body in its own memory.
pub(crate) struct CollectedBody {
    pub(crate) bytes: Vec<u8>,
    /// Its share of the budget.
    pub(crate) share: Share,
}

impl HeldBody {
    /// The bytes as they are.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            HeldBody::Piece(piece) => piece,
            HeldBody::Collected(body) => &body.bytes,
        }
    }

    /// The bytes, which may be rewritten in place. The connection's buffer is read-only, so its bytes are copied.
    pub(crate) fn bytes_mut<'b>(&'b mut self, scratch: &'b mut Vec<u8>) -> &'b mut [u8] {
        match self {
            HeldBody::Piece(piece) => {
                scratch.clear();
                scratch.extend_from_slice(piece);
                scratch
            }
            HeldBody::Collected(body) => &mut body.bytes,
        }
    }
}

/// What [`BodyExt::frame`] returns; `None` at the end.
type NextFrame = Option<hyper::Result<Frame<Bytes>>>;

impl BodyReader {
    pub(crate) fn new(config: &ProducerConfig, registry: &Registry, stop: CancellationToken) -> Self {
        Self {
            max_bytes: config.max_body_bytes,
            max_bulk_bytes: config.max_bulk_bytes,
            timeout: config.body_timeout,
            budget: BodyBudget::new(config.body_buffer_bytes, registry),
            stop,
        }
    }

    /// The whole body. When the producer stops, a body that does not arrive soon counts as too slow.
    pub(crate) async fn read(&self, body: &mut RequestBody) -> Result<HeldBody, Rejection> {
        check_announced(body, self.max_bytes)?;
        // Most bodies are there with their head, in one piece: they need neither timer nor budget.
        let first = match body.frame().now_or_never() {
            Some(Some(Ok(frame))) if body.is_end_stream() => {
                return Ok(HeldBody::Piece(frame.into_data().unwrap_or_default()));
            }
            first => first,
        };
        // Boxed, so that the usual path's future does not have this one's size.
        Box::pin(self.collect_in_time(first, body, self.max_bytes)).await.map(HeldBody::Collected)
    }

    /// The whole body of a bulk, which is always in its own memory: there it is parsed.
    pub(crate) async fn read_bulk(&self, body: &mut RequestBody) -> Result<CollectedBody, Rejection> {
        check_announced(body, self.max_bulk_bytes)?;
        self.collect_in_time(None, body, self.max_bulk_bytes).await
    }

    /// The budget for bodies.
    pub(crate) fn budget(&self) -> &BodyBudget {
        &self.budget
    }

    async fn collect_in_time(
        &self,
        first: Option<NextFrame>,
        body: &mut RequestBody,
        max_bytes: usize,
    ) -> Result<CollectedBody, Rejection> {
        let stopping = async {
            self.stop.cancelled().await;
            tokio::time::sleep(LAST_CALL).await;
        };
        tokio::select! {
            biased;
            outcome = self.collect(first, body, max_bytes) => outcome,
            () = tokio::time::sleep(self.timeout) => Err(Rejection::SlowBody),
            () = stopping => Err(Rejection::SlowBody),
        }
    }

    async fn collect(
        &self,
        first: Option<NextFrame>,
        body: &mut RequestBody,
        max_bytes: usize,
    ) -> Result<CollectedBody, Rejection> {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let mut collected =
            CollectedBody { bytes: Vec::with_capacity(announced.min(FIRST_BYTES)), share: Share::default() };
        let mut next = match first {
            Some(first) => first,
            None => body.frame().await,
        };
        while let Some(frame) = next {
            if let Ok(data) = frame.map_err(|_| Rejection::BrokenBody)?.into_data() {
                if collected.bytes.len() + data.len() > max_bytes {
                    return Err(Rejection::TooLarge(max_bytes));
                }
                self.budget.add(&mut collected.share, data.len())?;
                collected.bytes.extend_from_slice(&data);
            }
            next = body.frame().await;
        }
        Ok(collected)
    }
}

/// A body that is announced as too large is rejected before anything is read.
fn check_announced(body: &RequestBody, max_bytes: usize) -> Result<(), Rejection> {
    if body.size_hint().lower() > max_bytes as u64 { Err(Rejection::TooLarge(max_bytes)) } else { Ok(()) }
}
