//! A stream that does not end under a client that still sends. Where bytes arrive at a closed socket, or lie unread in
//! one that closes, the kernel resets the connection, and the client may lose the answer that it has not read yet (RFC
//! 9112, section 9.6). So after the last answer the stream ends only its own side, and for a while reads and drops what
//! still comes.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::http::phase::Phase;

/// The longest time to wait for the client's end.
const LONGEST: Duration = Duration::from_secs(2);

/// The most bytes that are dropped: twice the largest bulk that is taken by default.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// How many bytes are dropped at a time.
const PIECE_BYTES: usize = 8 * 1024;

/// The stream of a connection, whose phase it keeps up to date.
pub(super) struct Lingering<S> {
    stream: S,
    phase: Phase,
    end: Option<End>,
}

/// The end of a connection, once this side has ended.
struct End {
    /// The bytes that may still be dropped.
    bytes: usize,
    has_dropped: bool,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Lingering<S> {
    pub(super) fn new(stream: S, phase: Phase) -> Self {
        Self { stream, phase, end: None }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Ends this side, and is ready once the client has ended its own, or has had its time. If all that the client sent
    /// has been read, there is nothing to wait for.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, phase, end } = &mut *self;
        if end.is_none() && ready!(Pin::new(&mut *stream).poll_shutdown(cx)).is_err() {
            // The client has gone.
            return Poll::Ready(Ok(()));
        }
        let end = end.get_or_insert(End { bytes: MOST_BYTES, has_dropped: false, timer: None });
        let mut piece = [MaybeUninit::uninit(); PIECE_BYTES];
        while end.bytes > 0 {
            let mut piece = ReadBuf::uninit(&mut piece);
            match Pin::new(&mut *stream).poll_read(cx, &mut piece) {
                Poll::Ready(Ok(())) if !piece.filled().is_empty() => {
                    end.bytes = end.bytes.saturating_sub(piece.filled().len());
                    end.has_dropped = true;
                }
                Poll::Ready(_) => break,
                Poll::Pending if end.has_dropped || phase.is_cutting() => {
                    let timer = end.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(LONGEST)));
                    return timer.as_mut().poll(cx).map(Ok);
                }
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.phase.received();
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;

    fn connection(phase: Phase) -> (Lingering<DuplexStream>, DuplexStream) {
        let (server, client) = duplex(1024);
        (Lingering::new(server, phase), client)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_still_sends_is_read_until_its_end() {
        let (mut server, mut client) = connection(Phase::unread());
        let sending = async {
            for _ in 0..10 {
                client.write_all(&[0; 5_000]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "this side has ended first");
            drop(client);
        };
        let (ended, ()) = tokio::join!(server.shutdown(), sending);
        ended.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_end_has_two_seconds() {
        let start = Instant::now();
        let (mut server, _client) = connection(Phase::unread());
        server.shutdown().await.unwrap();
        assert_eq!(start.elapsed(), LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_without_end_is_cut() {
        let (mut server, mut client) = connection(Phase::unread());
        let sending = async {
            let mut sent = 0;
            while client.write_all(&[0; 1024]).await.is_ok() {
                sent += 1024;
            }
            sent
        };
        let ending = async {
            server.shutdown().await.unwrap();
            drop(server);
        };
        let (sent, ()) = tokio::join!(sending, ending);
        assert!((MOST_BYTES..MOST_BYTES + 10_000).contains(&sent), "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_client_is_not_waited_for_unless_it_has_just_sent_something() {
        let start = Instant::now();
        let (mut server, _client) = connection(Phase::default());
        server.shutdown().await.unwrap();
        assert!(start.elapsed().is_zero());

        let (mut server, mut client) = connection(Phase::default());
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        server.shutdown().await.unwrap();
        assert_eq!(start.elapsed(), LONGEST);
    }
}
