//! Reads a request's body, bounded in bytes, in time and in pace, whether or not its length is announced. All bodies that do not
//! come in one piece share one budget of bytes; otherwise each of ten thousand slow clients could hold one of the
//! largest size.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use tokio_util::sync::CancellationToken;

use crate::Registry;
use crate::http::LAST_CALL;
use crate::http::request_body::RequestBody;
use crate::metrics::Metric;

mod budget;
mod pace;

pub use budget::{BodyBudget, BufferFull, Share};
use pace::Pace;

/// The metrics of a service that reads bodies.
pub const METRICS: &[Metric] = &[budget::BYTES, budget::BYTES_LIMIT];

/// The most bytes allocated for a body before they arrive: a client that announces much may send nothing.
const FIRST_BYTES: usize = 4096;

/// What bounds bodies.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// The largest body of a bulk, in bytes.
    pub max_bulk_bytes: usize,
    /// The bytes that all bodies may hold, those that come in one piece aside.
    pub buffer_bytes: usize,
    /// The longest time to read a body.
    pub timeout: Duration,
    /// The least bytes a second, on average over a few seconds; 0 is no limit.
    pub min_rate: u64,
}

/// Why a body is not read to its end. The rest of it stays unread, so the connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than this many bytes.
    TooLarge(usize),
    /// It did not arrive in time.
    Slow,
    /// Its transfer broke off.
    Broken,
    /// All bodies together hold too many bytes.
    BufferFull,
}

impl From<BufferFull> for BodyError {
    fn from(BufferFull: BufferFull) -> Self {
        BodyError::BufferFull
    }
}

/// Reads bodies.
pub struct BodyReader {
    limits: BodyLimits,
    budget: BodyBudget,
    closing: CancellationToken,
}

/// A whole body.
pub enum HeldBody {
    /// It came in one piece, and is in the connection's own buffer, which is bounded.
    Piece(Bytes),
    /// It came in several, or slowly.
    Collected(CollectedBody),
}

/// A body in its own memory.
pub struct CollectedBody {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Its share of the budget.
    pub share: Share,
}

impl HeldBody {
    /// The bytes as they are.
    pub fn bytes(&self) -> &[u8] {
        match self {
            HeldBody::Piece(piece) => piece,
            HeldBody::Collected(body) => &body.bytes,
        }
    }

    /// The bytes, which may be rewritten in place. The connection's buffer is read-only, so its bytes are copied.
    pub fn bytes_mut<'b>(&'b mut self, scratch: &'b mut Vec<u8>) -> &'b mut [u8] {
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
type NextFrame<E> = Option<Result<Frame<Bytes>, E>>;

impl BodyReader {
    /// Reads within these limits. Once `closing` is cancelled, a body that does not arrive soon counts as too slow.
    pub fn new(limits: BodyLimits, registry: &Registry, closing: CancellationToken) -> Self {
        Self { limits, budget: BodyBudget::new(limits.buffer_bytes, registry), closing }
    }

    /// The whole body.
    ///
    /// # Errors
    /// Why it is not read.
    pub async fn read(&self, body: &mut RequestBody) -> Result<HeldBody, BodyError> {
        check_announced(body, self.limits.max_bytes)?;
        // Most bodies are there with their head, in one piece: they need neither timer nor budget.
        let first = match body.frame().now_or_never() {
            Some(Some(Ok(frame))) if body.is_end_stream() => {
                return Ok(HeldBody::Piece(frame.into_data().unwrap_or_default()));
            }
            first => first,
        };
        // Boxed, so that the usual path's future does not have this one's size.
        Box::pin(self.collect_in_time(first, body, self.limits.max_bytes)).await.map(HeldBody::Collected)
    }

    /// The whole body of a bulk, which is always in its own memory: there it is parsed.
    ///
    /// # Errors
    /// Why it is not read.
    pub async fn read_bulk(&self, body: &mut RequestBody) -> Result<CollectedBody, BodyError> {
        check_announced(body, self.limits.max_bulk_bytes)?;
        self.collect_in_time(None, body, self.limits.max_bulk_bytes).await
    }

    /// The budget for bodies.
    pub fn budget(&self) -> &BodyBudget {
        &self.budget
    }

    async fn collect_in_time<B>(
        &self,
        first: Option<NextFrame<B::Error>>,
        body: &mut B,
        max_bytes: usize,
    ) -> Result<CollectedBody, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let closing = async {
            self.closing.cancelled().await;
            tokio::time::sleep(LAST_CALL).await;
        };
        tokio::select! {
            biased;
            outcome = self.collect(first, body, max_bytes) => outcome,
            () = tokio::time::sleep(self.limits.timeout) => Err(BodyError::Slow),
            () = closing => Err(BodyError::Slow),
        }
    }

    async fn collect<B>(
        &self,
        first: Option<NextFrame<B::Error>>,
        body: &mut B,
        max_bytes: usize,
    ) -> Result<CollectedBody, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let mut collected =
            CollectedBody { bytes: Vec::with_capacity(announced.min(FIRST_BYTES)), share: Share::default() };
        let mut pace = Pace::new(self.limits.min_rate);
        let mut next = match first {
            Some(first) => first.transpose().map_err(|_| BodyError::Broken)?,
            None => pace.next(body).await?,
        };
        while let Some(frame) = next {
            if let Ok(data) = frame.into_data() {
                if collected.bytes.len() + data.len() > max_bytes {
                    return Err(BodyError::TooLarge(max_bytes));
                }
                self.budget.add(&mut collected.share, data.len())?;
                collected.bytes.extend_from_slice(&data);
            }
            next = pace.next(body).await?;
        }
        Ok(collected)
    }
}

/// A body that is announced as too large is rejected before anything is read.
fn check_announced(body: &RequestBody, max_bytes: usize) -> Result<(), BodyError> {
    if body.size_hint().lower() > max_bytes as u64 { Err(BodyError::TooLarge(max_bytes)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
