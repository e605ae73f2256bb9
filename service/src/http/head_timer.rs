//! hyper's timer for reading a head, which also bounds how long a connection idles before it. hyper wants a new one for
//! each request, and nearly every head arrives long before its deadline. So each connection has one tokio timer, which
//! runs until it fires and only then is set to the current deadline.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::phase::Phase;

/// The timer of one connection. hyper's own deadline holds until a head's first byte.
#[derive(Debug, Clone)]
pub(super) struct HeadTimer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    running: Mutex<Option<Pin<Box<Sleep>>>>,
    phase: Phase,
    head_timeout: Duration,
}

impl HeadTimer {
    /// A head may take this long from its first byte.
    pub(super) fn new(phase: Phase, head_timeout: Duration) -> Self {
        Self(Arc::new(Inner { running: Mutex::default(), phase, head_timeout }))
    }
}

impl rt::Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(std::time::Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Deadline { timer: self.clone(), idle: deadline.into(), head: None })
    }
}

/// Ready at its deadline. Each poll moves the connection's timer towards it.
struct Deadline {
    timer: HeadTimer,
    idle: Instant,
    /// That of the head, once its first byte has come.
    head: Option<Instant>,
}

impl rt::Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { timer: HeadTimer(timer), idle, head } = &mut *self;
        let mut deadline = *idle;
        if timer.phase.is_reading_head() {
            deadline = *head.get_or_insert_with(|| Instant::now() + timer.head_timeout);
        }
        let mut running = timer.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if running.deadline() > deadline {
            running.as_mut().reset(deadline);
        }
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

    fn timer(phase: &Phase) -> HeadTimer {
        HeadTimer::new(phase.clone(), Duration::from_secs(10))
    }

    #[tokio::test(start_paused = true)]
    async fn each_deadline_holds_whatever_the_last_one_was() {
        let (timer, start) = (timer(&Phase::default()), Instant::now());
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

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_own_time_from_its_first_byte() {
        let (phase, start) = (Phase::default(), Instant::now());
        let timer = timer(&phase);
        let until = |seconds| timer.sleep_until((start + Duration::from_secs(seconds)).into_std());
        let mut waiting = until(75);
        let waited = tokio::time::timeout(Duration::from_secs(70), &mut waiting).await;
        assert!(waited.is_err(), "it may idle for 75 seconds");
        phase.received();
        waiting.await;
        assert_eq!(start.elapsed().as_secs(), 80);

        // The next request's time to idle begins when hyper asks for it.
        drop(phase.answer());
        until(155).await;
        assert_eq!(start.elapsed().as_secs(), 155);
        phase.received();
        until(230).await;
        assert_eq!(start.elapsed().as_secs(), 165);
    }
}
