//! The pace of denied requests. A client that sends one after another, whatever the answers say, would take the CPU
//! from those who are let in: all connections have the same turns. Pure.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hyper::StatusCode;

/// This many more than other requests are answered at once.
const AT_ONCE: u32 = 20;

/// How long an answer waits after that. No two connections need to have the same pause, so that they do not come in
/// turns: `PAUSE_MS` to twice of it.
const PAUSE_MS: u32 = 100;

/// How many more requests of a connection were denied than were not.
#[derive(Debug)]
pub(super) struct Denials {
    more: AtomicU32,
    pause: Duration,
}

impl Denials {
    /// Those of a connection from this port.
    pub(super) fn from_port(port: u16) -> Self {
        let pause = PAUSE_MS + u32::from(port) % PAUSE_MS;
        Self { more: AtomicU32::new(0), pause: Duration::from_millis(pause.into()) }
    }

    /// A request gets this status; returns how long the answer waits, if it does.
    pub(super) fn pause(&self, status: StatusCode) -> Option<Duration> {
        let more = self.more.load(Ordering::Relaxed);
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
            if more > 0 {
                self.more.store(more - 1, Ordering::Relaxed);
            }
            return None;
        }
        // No more are remembered, so that what is let in has an effect at once.
        self.more.store((more + 1).min(AT_ONCE), Ordering::Relaxed);
        (more == AT_ONCE).then_some(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_that_are_denied_again_and_again_are_slowed_down() {
        let denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
        let denials = Denials::from_port(40_017);
        for status in denied.into_iter().cycle().take(20) {
            assert_eq!(denials.pause(status), None);
        }
        for other in [StatusCode::CREATED, StatusCode::BAD_REQUEST, StatusCode::SERVICE_UNAVAILABLE] {
            for status in denied {
                assert_eq!(denials.pause(status), Some(Duration::from_millis(117)));
            }
            // Each that is let in lets one be denied at once.
            (0..2).for_each(|_| assert_eq!(denials.pause(other), None));
            (0..2).for_each(|_| assert_eq!(denials.pause(denied[0]), None));
        }
        let denials = Denials::from_port(0);
        for _ in 0..1_000 {
            assert_eq!((denials.pause(denied[2]), denials.pause(StatusCode::CREATED)), (None, None));
        }
    }
}
