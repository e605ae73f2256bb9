//! A request's body. hyper's own also wakes the connection's task after each piece, so that it reads on; after the last
//! piece, which is usually the first, that would be for nothing.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::http::bell::muted;

/// The body.
pub struct RequestBody {
    incoming: Incoming,
    /// Wakes the connection's task.
    connection: Waker,
    /// Whether it has been read to its end. hyper's own knows that only where the length is announced.
    has_ended: bool,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, connection: Waker) -> Self {
        Self { incoming, connection, has_ended: false }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let (frame, has_rung) = muted(|| Pin::new(&mut self.incoming).poll_frame(context));
        if has_rung && !self.incoming.is_end_stream() {
            self.connection.wake_by_ref();
        }
        self.has_ended |= matches!(frame, Poll::Ready(None));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
