//! How fast a body must arrive: not slower than a floor, in each window of a few seconds. So a client that stalls is
//! noticed soon, and one that is slow but steady is served.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep};

use super::error::BodyError;

/// The time over which the floor is an average: a network that loses packets may pause for a second or two.
pub(super) const WINDOW: Duration = Duration::from_secs(5);

/// The pace of one body.
pub(super) struct Pace {
    /// The least that must come in each window; 0 is no floor.
    min_bytes: u64,
    received: u64,
    window: Pin<Box<Sleep>>,
}

impl Pace {
    /// A body begins to arrive. The floor is in bytes a second.
    pub(super) fn new(min_rate: u64) -> Self {
        Self { min_bytes: min_rate * WINDOW.as_secs(), received: 0, window: Box::pin(sleep(WINDOW)) }
    }

    /// The body's next frame, `None` at its end.
    ///
    /// # Errors
    /// When too little has come in a window, or the transfer broke off.
    pub(super) async fn next<B>(&mut self, body: &mut B) -> Result<Option<Frame<Bytes>>, BodyError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        loop {
            tokio::select! {
                biased;
                frame = body.frame() => {
                    let frame = frame.transpose().map_err(|_| BodyError::Broken)?;
                    self.received += frame.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len) as u64;
                    return Ok(frame);
                }
                () = self.window.as_mut(), if self.min_bytes > 0 => {
                    if std::mem::take(&mut self.received) < self.min_bytes {
                        return Err(BodyError::Slow);
                    }
                    self.window.as_mut().reset(Instant::now() + WINDOW);
                }
            }
        }
    }
}
