//! The deadline of a user's posts, one after the other. Nearly every post is answered long before, so there is one
//! timer for all of them: it is left as it is until it is over, and then set to the deadline of the post that is waited
//! for.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

use service::http::poll_until;
use tokio::time::{Sleep, sleep_until};

/// A deadline that only ever moves on.
pub(crate) struct UserDeadline {
    timer: Pin<Box<Sleep>>,
}

impl UserDeadline {
    /// With its timer set to this time.
    pub(crate) fn at(time: Instant) -> Self {
        Self { timer: Box::pin(sleep_until(time.into())) }
    }

    /// What `work` gives, or `None` if it takes until `deadline`, which must not be before the one of the last call.
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
    async fn each_deadline_holds_whatever_the_one_before() {
        let start = Instant::now();
        let mut deadline = UserDeadline::at(start);
        for milliseconds in [0, 5, 5, 10] {
            let end = start + Duration::from_millis(milliseconds);
            assert_eq!(deadline.bound(end, ready(7)).await, Some(7), "what is there needs no time");
            assert_eq!(deadline.bound(end, pending::<()>()).await, None);
            assert!(Instant::now() >= end, "{milliseconds} ms are not over");
        }
    }
}
