use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::{self, StreamExt};
use tokio::time::{Instant, sleep};

use super::pace::WINDOW;
use super::*;

const LIMITS: BodyLimits = BodyLimits {
    max_bytes: 100_000,
    max_bulk_bytes: 100_000,
    buffer_bytes: 1_000_000,
    timeout: Duration::from_secs(60),
    min_rate: 1_000,
};

/// A body of these pieces, each of which comes after a pause.
struct Pieces(Pin<Box<dyn Stream<Item = Bytes>>>);

impl Pieces {
    fn new(pieces: impl IntoIterator<Item = (Duration, usize), IntoIter: 'static>) -> Self {
        Self(Box::pin(stream::iter(pieces).then(async |(pause, bytes)| {
            sleep(pause).await;
            Bytes::from(vec![b'x'; bytes])
        })))
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_next_unpin(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn reader(limits: BodyLimits) -> BodyReader {
    BodyReader::new(limits, &Registry::new(&[METRICS]), CancellationToken::new())
}

/// How many bytes are read of a body of equal pieces with equal pauses, and how long that takes.
async fn read(
    limits: BodyLimits,
    pieces: usize,
    pause: Duration,
    bytes: usize,
) -> (Result<usize, BodyError>, Duration) {
    let start = Instant::now();
    let mut body = Pieces::new(std::iter::repeat_n((pause, bytes), pieces));
    let read = reader(limits).collect_in_time(None, &mut body, limits.max_bytes, None).await;
    (read.map(|body| body.bytes.len()), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_slow_but_steady_body_is_read() {
    let second = Duration::from_secs(1);
    let (read_bytes, time) = read(LIMITS, 30, second, 1_500).await;
    assert_eq!((read_bytes, time.as_secs()), (Ok(45_000), 30));
    // Over the window, not over each second.
    assert_eq!(read(LIMITS, 5, Duration::from_secs(4), 8_000).await.0, Ok(40_000));
    // As a whole, it has its time and no more.
    let (read_bytes, time) = read(LIMITS, 100, second, 1_500).await;
    assert_eq!((read_bytes, time), (Err(BodyError::Slow), LIMITS.timeout));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_or_trickles_is_given_up_soon() {
    for (pause, bytes) in [(Duration::from_secs(3_600), 1), (Duration::from_millis(100), 90)] {
        let (read_bytes, time) = read(LIMITS, 1_000, pause, bytes).await;
        assert_eq!((read_bytes, time), (Err(BodyError::Slow), WINDOW), "{bytes}");
    }
    let mut body = Pieces::new([(Duration::from_secs(1), 50_000), (Duration::from_secs(3_600), 1)]);
    let start = Instant::now();
    let read_bytes = reader(LIMITS).collect_in_time(None, &mut body, LIMITS.max_bytes, None).await;
    assert_eq!(read_bytes.map(|body| body.bytes.len()), Err(BodyError::Slow));
    assert_eq!(start.elapsed(), 2 * WINDOW, "the first window had enough");
}

#[tokio::test(start_paused = true)]
async fn without_a_floor_a_body_has_its_whole_time() {
    let limits = BodyLimits { min_rate: 0, ..LIMITS };
    assert_eq!(read(limits, 2, Duration::from_secs(25), 1).await.0, Ok(2));
    let (read_bytes, time) = read(limits, 3, Duration::from_secs(25), 1).await;
    assert_eq!((read_bytes, time), (Err(BodyError::Slow), LIMITS.timeout));
}
