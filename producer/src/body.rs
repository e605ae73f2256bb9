//! Reads a request's body, bounded in bytes and in time, whether or not it says its length beforehand. All bodies that do not
//! come in one piece share one budget of bytes, or each of ten thousand slow clients could hold one of the largest size.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use service::Registry;
use service::http::LAST_CALL;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::refusal::Refusal;

/// Most bytes that are set aside for a body before they have arrived: whoever announces much may send nothing.
const FIRST_BYTES: usize = 4096;

/// Reads bodies.
pub(crate) struct BodyReader {
    max_bytes: usize,
    timeout: Duration,
    budget: Arc<Semaphore>,
    stop: CancellationToken,
}

/// A whole body.
pub(crate) enum HeldBody<'a> {
    /// It came in one piece, and lies in the connection's own buffer, which is bounded.
    Piece(Bytes),
    /// It came in several, or slowly.
    Collected {
        bytes: Vec<u8>,
        /// Its share of the budget; none if it is empty.
        _share: Option<SemaphorePermit<'a>>,
    },
}

impl HeldBody<'_> {
    /// The bytes, to be rewritten in place. The connection's buffer cannot be written to: from there they are copied.
    pub(crate) fn bytes_mut<'b>(&'b mut self, scratch: &'b mut Vec<u8>) -> &'b mut [u8] {
        match self {
            HeldBody::Piece(piece) => {
                scratch.clear();
                scratch.extend_from_slice(piece);
                scratch
            }
            HeldBody::Collected { bytes, .. } => bytes,
        }
    }
}

/// What [`BodyExt::frame`] gives; `None` at the end.
type NextFrame = Option<hyper::Result<Frame<Bytes>>>;

impl BodyReader {
    pub(crate) fn new(config: &Config, registry: &Registry, stop: CancellationToken) -> Self {
        let all = config.body_buffer_bytes;
        let budget = Arc::new(Semaphore::new(all));
        let free = Arc::clone(&budget);
        let held = move || all.saturating_sub(free.available_permits()) as f64;
        registry.observe("ingest_body_buffer_bytes", "Bytes of the bodies that are being received", &[], held);
        let limit = "Most bytes of all bodies together; beyond them a request is answered 503";
        registry.observe("ingest_body_buffer_bytes_limit", limit, &[], move || all as f64);
        Self { max_bytes: config.max_body_bytes, timeout: config.body_timeout, budget, stop }
    }

    /// The whole body. When the producer stops, what has not arrived soon counts as too slow.
    pub(crate) async fn read(&self, mut body: Incoming) -> Result<HeldBody<'_>, Refusal> {
        let announced = body.size_hint().lower();
        if announced > self.max_bytes as u64 {
            return Err(Refusal::TooLarge(self.max_bytes));
        }
        // Most bodies are there with their head, in one piece: they need neither timer nor budget.
        let first = match body.frame().now_or_never() {
            Some(Some(Ok(frame))) if body.is_end_stream() => {
                return Ok(HeldBody::Piece(frame.into_data().unwrap_or_default()));
            }
            first => first,
        };
        // Boxed, so that the way of most bodies does not have this one's size.
        Box::pin(self.collect_in_time(first, body, announced as usize)).await
    }

    async fn collect_in_time(
        &self,
        first: Option<NextFrame>,
        body: Incoming,
        announced: usize,
    ) -> Result<HeldBody<'_>, Refusal> {
        let stopping = async {
            self.stop.cancelled().await;
            tokio::time::sleep(LAST_CALL).await;
        };
        tokio::select! {
            biased;
            outcome = self.collect(first, body, announced) => outcome,
            () = tokio::time::sleep(self.timeout) => Err(Refusal::SlowBody),
            () = stopping => Err(Refusal::SlowBody),
        }
    }

    async fn collect(
        &self,
        first: Option<NextFrame>,
        mut body: Incoming,
        announced: usize,
    ) -> Result<HeldBody<'_>, Refusal> {
        let mut bytes = Vec::with_capacity(announced.min(FIRST_BYTES));
        let mut share: Option<SemaphorePermit<'_>> = None;
        let mut next = match first {
            Some(first) => first,
            None => body.frame().await,
        };
        while let Some(frame) = next {
            if let Ok(data) = frame.map_err(|_| Refusal::BrokenBody)?.into_data() {
                if bytes.len() + data.len() > self.max_bytes {
                    return Err(Refusal::TooLarge(self.max_bytes));
                }
                let length = u32::try_from(data.len()).map_err(|_| Refusal::TooLarge(self.max_bytes))?;
                let more = self.budget.try_acquire_many(length).map_err(|_| Refusal::BufferFull)?;
                match &mut share {
                    Some(share) => share.merge(more),
                    None => share = Some(more),
                }
                bytes.extend_from_slice(&data);
            }
            next = body.frame().await;
        }
        Ok(HeldBody::Collected { bytes, _share: share })
    }
}
