//! The deadline of a user's posts, which follow each other. Nearly every post is answered long before it, so all share
//! one timer: it stays as it is until it expires, and is then set to the deadline of the current post.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use service::http::poll_until;
use tokio::time::{Sleep, sleep_until};

/// A deadline that only ever moves forward.
pub(crate) struct UserDeadline {
    timer: Pin<Box<Sleep>>,
}

impl UserDeadline {
    /// A deadline whose timer is set to this time.
    pub(crate) fn at(time: Instant) -> Self {
        Self { timer: Box::pin(sleep_until(time.into())) }
    }

    /// The result of `work`, or `None` if it takes until `deadline`, which must not be earlier than in the last call.
    pub(crate) async fn bound<T>(&mut self, deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            poll_until(self.timer.as_mut(), deadline.into(), context).map(|()| None)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn each_deadline_holds_whatever_the_previous_one_was() {
        let start = Instant::now();
        let mut deadline = UserDeadline::at(start);
        for milliseconds in [0, 5, 5, 10] {
            let end = start + Duration::from_millis(milliseconds);
            assert_eq!(deadline.bound(end, ready(7)).await, Some(7), "a ready result needs no time");
            assert_eq!(deadline.bound(end, pending::<()>()).await, None);
            assert!(Instant::now() >= end, "{milliseconds} ms are not over");
        }
    }
}
