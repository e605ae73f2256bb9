//! Waits that end within a fraction of a millisecond. tokio's own timer counts whole milliseconds, so the median post
//! of a user who pauses would leave 1.2 ms late, and every latency would include that.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use timer::Timer;

/// The shortest time between two alarms; users who are due meanwhile are woken together.
const RESOLUTION: Duration = Duration::from_micros(100);

/// The alarm clock of one thread's users. It rings while [`Alarm::run`] is polled.
pub(crate) struct Alarm {
    timer: Timer,
    sleepers: Mutex<Sleepers>,
}

/// Whom to wake when. The number distinguishes users that are due at the same time.
#[derive(Default)]
struct Sleepers {
    by_due: BTreeMap<(Instant, u64), Waker>,
    next_number: u64,
}

impl Alarm {
    /// A clock that is not set. Must be called within a runtime.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { timer: Timer::new()?, sleepers: Mutex::default() })
    }

    /// Returns at `due`, or very soon after.
    pub(crate) fn until(&self, due: Instant) -> impl Future<Output = ()> {
        Sleep { alarm: self, due, number: None }
    }

    /// Never returns: wakes the users.
    pub(crate) async fn run(&self) {
        loop {
            self.timer.rings().await;
            let now = Instant::now();
            let mut sleepers = self.sleepers();
            let later = sleepers.by_due.split_off(&(now, u64::MAX));
            let woken = std::mem::replace(&mut sleepers.by_due, later);
            if let Some(((due, _), _)) = sleepers.by_due.first_key_value() {
                self.timer.set((*due - now).max(RESOLUTION));
            }
            drop(sleepers);
            woken.into_values().for_each(Waker::wake);
        }
    }

    fn sleepers(&self) -> MutexGuard<'_, Sleepers> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Sleep<'a> {
    alarm: &'a Alarm,
    due: Instant,
    /// The sleeper's entry, once it has one.
    number: Option<u64>,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if now >= self.due {
            return Poll::Ready(());
        }
        let mut sleepers = self.alarm.sleepers();
        let number = *self.number.get_or_insert_with(|| {
            sleepers.next_number += 1;
            sleepers.next_number
        });
        let key = (self.due, number);
        sleepers.by_due.insert(key, context.waker().clone());
        if sleepers.by_due.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.alarm.timer.set(self.due - now);
        }
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.alarm.sleepers().by_due.remove(&(self.due, number));
        }
    }
}

#[cfg(target_os = "linux")]
mod timer {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    /// The kernel's timer, which counts nanoseconds.
    pub(crate) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for types that may change their descriptor; this one does not"
        )]
        pub(crate) fn new() -> io::Result<Self> {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            Ok(Self(AsyncFd::with_interest(timer, Interest::READABLE)?))
        }

        /// Rings once after this time, and not at the time set before.
        pub(crate) fn set(&self, after: Duration) {
            // Zero would mean never.
            let it_value = Timespec::try_from(after.max(Duration::from_nanos(1))).expect("a wait is no century");
            let it_interval = Timespec::default();
            let set = Itimerspec { it_interval, it_value };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &set).expect("the timer takes any time");
        }

        pub(crate) async fn rings(&self) {
            // The expiry is not read: setting the timer again clears it.
            self.0.readable().await.expect("the runtime lives as long as its users").clear_ready();
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod timer {
    use std::io;
    use std::time::Duration;

    use tokio::sync::watch;
    use tokio::time::Instant;

    /// tokio's timer.
    pub(crate) struct Timer(watch::Sender<Option<Instant>>);

    impl Timer {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self(watch::Sender::new(None)))
        }

        /// Rings once after this time, and not at the time set before.
        pub(crate) fn set(&self, after: Duration) {
            self.0.send_replace(Some(Instant::now() + after));
        }

        pub(crate) async fn rings(&self) {
            let mut set = self.0.subscribe();
            loop {
                let until = *set.borrow_and_update();
                match until {
                    Some(until) => tokio::select! {
                        () = tokio::time::sleep_until(until) => break,
                        _ = set.changed() => {}
                    },
                    None => set.changed().await.expect("the sender is our own"),
                }
            }
            self.0.send_replace(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn nobody_is_woken_early_and_all_are_woken() {
        let (alarm, start) = (Arc::new(Alarm::new().unwrap()), Instant::now());
        let ringing = Arc::clone(&alarm);
        tokio::spawn(async move { ringing.run().await });
        let mut users = JoinSet::new();
        // The last are set first, and some are due at the same time.
        for step in (0..200).rev() {
            let (alarm, due) = (Arc::clone(&alarm), start + Duration::from_micros(step / 2 * 70));
            users.spawn(async move {
                alarm.until(due).await;
                assert!(Instant::now() >= due);
            });
        }
        users.join_all().await;
        assert!(alarm.sleepers().by_due.is_empty());
    }

    #[tokio::test]
    async fn a_user_that_no_longer_waits_is_forgotten() {
        let alarm = Alarm::new().unwrap();
        tokio::select! {
            biased;
            () = alarm.until(Instant::now() + Duration::from_secs(3600)) => unreachable!("an hour is not over"),
            () = std::future::ready(()) => {}
        }
        assert!(alarm.sleepers().by_due.is_empty());
    }
}
