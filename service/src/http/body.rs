//! Reads a request's body, bounded in bytes, in time and in pace, whether or not its length is announced. All bodies
//! that do not come in one piece share one budget of bytes; otherwise each of ten thousand slow clients could hold one
//! of the largest size. A bulk may be compressed; its bounds are those of what comes out.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body, Frame};
use tokio_util::sync::CancellationToken;

use crate::http::LAST_CALL;
use crate::http::request_body::RequestBody;
use crate::metrics::Metric;
use crate::{Registry, Turn};

mod budget;
mod coding;
mod decoder;
mod error;
mod pace;

use coding::{Coding, UnknownCoding};
use decoder::{Decoder, Undecodable};
use pace::Pace;

pub use budget::{BodyBudget, BufferFull, Share};
pub use error::BodyError;

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

    /// The whole body, which must not be compressed.
    ///
    /// # Errors
    /// Why it is not read.
    pub async fn read(&self, request: &mut Request<RequestBody>) -> Result<HeldBody, BodyError> {
        if Coding::of(request.headers()) != Ok(None) {
            return Err(BodyError::Coding("identity"));
        }
        let body = request.body_mut();
        check_announced(body, self.limits.max_bytes)?;
        // Most bodies are there with their head, in one piece: they need neither timer nor budget.
        let first = match body.frame().now_or_never() {
            Some(Some(Ok(frame))) if body.is_end_stream() => {
                return Ok(HeldBody::Piece(frame.into_data().unwrap_or_default()));
            }
            first => first,
        };
        // Boxed, so that the usual path's future does not have this one's size.
        Box::pin(self.collect_in_time(first, body, self.limits.max_bytes, None)).await.map(HeldBody::Collected)
    }

    /// The whole body of a bulk, which is always in its own memory: there it is parsed.
    ///
    /// # Errors
    /// Why it is not read.
    pub async fn read_bulk(&self, request: &mut Request<RequestBody>) -> Result<CollectedBody, BodyError> {
        let coding = Coding::of(request.headers()).map_err(|UnknownCoding| BodyError::Coding(Coding::ALL))?;
        let body = request.body_mut();
        check_announced(body, self.limits.max_bulk_bytes)?;
        self.collect_in_time(None, body, self.limits.max_bulk_bytes, coding).await
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
        coding: Option<Coding>,
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
            outcome = self.collect(first, body, max_bytes, coding) => outcome,
            () = tokio::time::sleep(self.limits.timeout) => Err(BodyError::Slow),
            () = closing => Err(BodyError::Slow),
        }
    }

    async fn collect<B>(
        &self,
        first: Option<NextFrame<B::Error>>,
        body: &mut B,
        max_bytes: usize,
        coding: Option<Coding>,
    ) -> Result<CollectedBody, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        let mut collected =
            CollectedBody { bytes: Vec::with_capacity(announced.min(FIRST_BYTES)), share: Share::default() };
        let mut encoded = coding.map(|coding| Encoded::new(coding, max_bytes));
        let mut pace = Pace::new(self.limits.min_rate);
        let mut next = match first {
            Some(first) => first.transpose().map_err(|_| BodyError::Broken)?,
            None => pace.next(body).await?,
        };
        while let Some(frame) = next {
            if let Ok(data) = frame.into_data() {
                match &mut encoded {
                    Some(encoded) => encoded.add(&data, &mut collected, &self.budget).await?,
                    None => self.add(&data, &mut collected, max_bytes)?,
                }
            }
            next = pace.next(body).await?;
        }
        if let Some(encoded) = encoded {
            encoded.finish(&mut collected, &self.budget)?;
        }
        Ok(collected)
    }

    fn add(&self, data: &[u8], collected: &mut CollectedBody, max_bytes: usize) -> Result<(), BodyError> {
        if collected.bytes.len() + data.len() > max_bytes {
            return Err(BodyError::TooLarge(max_bytes));
        }
        self.budget.add(&mut collected.share, data.len())?;
        collected.bytes.extend_from_slice(data);
        Ok(())
    }
}

/// A body that is decoded while it arrives.
struct Encoded {
    coding: Coding,
    decoder: Decoder,
    /// How much has arrived.
    received: usize,
    max_bytes: usize,
    turn: Turn,
}

impl Encoded {
    fn new(coding: Coding, max_bytes: usize) -> Self {
        Self { coding, decoder: Decoder::new(coding), received: 0, max_bytes, turn: Turn::begin() }
    }

    /// Decodes what has arrived, and gives way to other tasks meanwhile.
    async fn add(
        &mut self,
        mut data: &[u8],
        collected: &mut CollectedBody,
        budget: &BodyBudget,
    ) -> Result<(), BodyError> {
        // What decodes to nothing must not come without end either.
        self.received += data.len();
        if self.received > self.max_bytes {
            return Err(BodyError::TooLarge(self.max_bytes));
        }
        let mut is_more = !data.is_empty();
        while is_more {
            let step = self.decoder.step(&mut data, &mut collected.bytes);
            is_more = step.map_err(|Undecodable| BodyError::Undecodable(self.coding.as_str()))?;
            self.check(collected, budget, self.decoder.bytes())?;
            self.turn.give_way().await;
        }
        Ok(())
    }

    fn finish(mut self, collected: &mut CollectedBody, budget: &BodyBudget) -> Result<(), BodyError> {
        let finished = self.decoder.finish(&mut collected.bytes);
        finished.map_err(|Undecodable| BodyError::Undecodable(self.coding.as_str()))?;
        self.check(collected, budget, 0)
    }

    /// The share is for what has come out, and for what the decoder holds.
    fn check(&self, collected: &mut CollectedBody, budget: &BodyBudget, held: usize) -> Result<(), BodyError> {
        if collected.bytes.len() > self.max_bytes {
            return Err(BodyError::TooLarge(self.max_bytes));
        }
        Ok(budget.resize(&mut collected.share, collected.bytes.len() + held)?)
    }
}

/// A body that is announced as too large is rejected before anything is read.
fn check_announced(body: &RequestBody, max_bytes: usize) -> Result<(), BodyError> {
    if body.size_hint().lower() > max_bytes as u64 { Err(BodyError::TooLarge(max_bytes)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
