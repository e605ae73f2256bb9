//! Reads a request's body, bounded in bytes and in time, whether or not it says its length beforehand. All bodies that are
//! being read share one budget of bytes, or each of ten thousand slow clients could hold one of the largest size.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
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

/// A whole body, with its share of the budget.
pub(crate) struct HeldBody<'a> {
    /// The body's bytes, which may be rewritten in place.
    pub(crate) bytes: Vec<u8>,
    _share: Option<SemaphorePermit<'a>>,
}

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
    pub(crate) async fn read(&self, body: Incoming) -> Result<HeldBody<'_>, Refusal> {
        let announced = body.size_hint().lower();
        if announced > self.max_bytes as u64 {
            return Err(Refusal::TooLarge(self.max_bytes));
        }
        let stopping = async {
            self.stop.cancelled().await;
            tokio::time::sleep(LAST_CALL).await;
        };
        // Most bodies are there with their head: polled first, they touch neither timer nor stop.
        tokio::select! {
            biased;
            outcome = self.collect(body, announced as usize) => outcome,
            () = tokio::time::sleep(self.timeout) => Err(Refusal::SlowBody),
            () = stopping => Err(Refusal::SlowBody),
        }
    }

    async fn collect(&self, mut body: Incoming, announced: usize) -> Result<HeldBody<'_>, Refusal> {
        let mut bytes = Vec::with_capacity(announced.min(FIRST_BYTES));
        let mut share: Option<SemaphorePermit<'_>> = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::BrokenBody)?.into_data() else {
                continue;
            };
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
        Ok(HeldBody { bytes, _share: share })
    }
}
