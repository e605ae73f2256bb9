//! hyper's timer for reading a head. hyper wants a new one for each request, and nearly every head arrives long before
//! its deadline. So each connection has one tokio timer, which runs until it fires and only then is set to the current
//! deadline.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timer of one connection, whose deadlines only ever move forward.
#[derive(Debug, Clone, Default)]
pub(super) struct HeadTimer {
    running: Arc<Mutex<Option<Pin<Box<Sleep>>>>>,
}

impl rt::Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(std::time::Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Deadline { timer: self.clone(), deadline: deadline.into() })
    }
}

/// Ready at its deadline. Each poll moves the connection's timer towards it.
struct Deadline {
    timer: HeadTimer,
    deadline: Instant,
}

impl rt::Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let mut running = self.timer.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        poll_until(running.as_mut(), deadline, context)
    }
}

/// Ready at `deadline`, which must not be before that of the last call. The timer runs until it fires, and only then is
/// set to the deadline: cheap where deadlines are rarely reached.
pub fn poll_until(mut timer: Pin<&mut Sleep>, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
    while timer.deadline() < deadline {
        ready!(timer.as_mut().poll(context));
        timer.as_mut().reset(deadline);
    }
    timer.poll(context)
}

#[cfg(test)]
mod tests {
    use hyper::rt::Timer;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_deadline_holds_whatever_the_last_one_was() {
        let (timer, start) = (HeadTimer::default(), Instant::now());
        let until = |seconds| timer.sleep_until((start + Duration::from_secs(seconds)).into_std());
        until(10).await;
        assert_eq!(start.elapsed().as_secs(), 10);
        until(10).await;
        assert_eq!(start.elapsed().as_secs(), 10, "it had passed");
        let waited = tokio::time::timeout(Duration::from_secs(1), until(30)).await;
        assert!(waited.is_err(), "19 seconds are left");
        until(60).await;
        assert_eq!(start.elapsed().as_secs(), 60, "the timer was running already, for an earlier deadline");
    }
}
