//! An answer's body in pieces. hyper copies each piece into a buffer behind the head, and that buffer stays with the
//! connection. In one piece, the answer to a bulk would make the connection hold a megabyte until it ends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

use crate::http::limits::BUFFER_BYTES;

/// The body, at most [`BUFFER_BYTES`] at a time.
pub(super) struct Pieces {
    whole: Full<Bytes>,
    rest: Bytes,
}

impl From<Full<Bytes>> for Pieces {
    fn from(whole: Full<Bytes>) -> Self {
        Self { whole, rest: Bytes::new() }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            let Some(Ok(frame)) = ready!(Pin::new(&mut self.whole).poll_frame(cx)) else { return Poll::Ready(None) };
            self.rest = frame.into_data().unwrap_or_default();
        }
        let length = self.rest.len().min(BUFFER_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.whole.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let whole = self.whole.size_hint().exact().unwrap_or_default();
        SizeHint::with_exact(whole + self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn nothing_is_lost_and_no_piece_is_too_large() {
        for length in [0, 1, BUFFER_BYTES, BUFFER_BYTES + 1, 5 * BUFFER_BYTES + 7] {
            let bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
            let mut pieces = Pieces::from(Full::new(Bytes::from(bytes.clone())));
            let mut read = Vec::new();
            while !pieces.is_end_stream() {
                assert_eq!(pieces.size_hint().exact(), Some((length - read.len()) as u64));
                let piece = pieces.frame().await.unwrap().unwrap().into_data().unwrap();
                assert!(!piece.is_empty() && piece.len() <= BUFFER_BYTES);
                read.extend_from_slice(&piece);
            }
            assert_eq!(read, bytes);
        }
    }
}
