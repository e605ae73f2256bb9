//! The pace of denied requests. A client that sends one after another, whatever the answers say, would take the CPU
//! from those who are let in: all connections have the same turns. Pure.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hyper::StatusCode;

/// This many in a row are answered at once.
const AT_ONCE: u32 = 50;

/// How long an answer waits after that. No two connections need to have the same pause, so that they do not come in
/// turns: `PAUSE_MS` to twice of it.
const PAUSE_MS: u32 = 100;

/// The requests of a connection that were denied, one after another.
#[derive(Debug)]
pub(super) struct Denials {
    in_a_row: AtomicU32,
    pause: Duration,
}

impl Denials {
    /// Those of a connection from this port.
    pub(super) fn from_port(port: u16) -> Self {
        let pause = PAUSE_MS + u32::from(port) % PAUSE_MS;
        Self { in_a_row: AtomicU32::new(0), pause: Duration::from_millis(pause.into()) }
    }

    /// A request gets this status; returns how long the answer waits, if it does.
    pub(super) fn pause(&self, status: StatusCode) -> Option<Duration> {
        if !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) {
            self.in_a_row.store(0, Ordering::Relaxed);
            return None;
        }
        let before = self.in_a_row.load(Ordering::Relaxed);
        self.in_a_row.store(before.saturating_add(1), Ordering::Relaxed);
        (before >= AT_ONCE).then_some(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_row_of_denied_requests_is_slowed_down() {
        let denials = Denials::from_port(40_017);
        let denied = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
        for _ in 0..2 {
            for status in denied.into_iter().cycle().take(50) {
                assert_eq!(denials.pause(status), None);
            }
            assert_eq!(denials.pause(StatusCode::UNAUTHORIZED), Some(Duration::from_millis(117)));
            assert_eq!(denials.pause(StatusCode::CREATED), None);
        }
        for other in [StatusCode::BAD_REQUEST, StatusCode::SERVICE_UNAVAILABLE, StatusCode::NOT_FOUND] {
            denied.into_iter().cycle().take(60).for_each(|status| _ = denials.pause(status));
            assert_eq!(denials.pause(other), None);
            assert_eq!(denials.pause(denied[0]), None);
        }
    }
}
