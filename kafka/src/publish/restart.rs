//! Starts again what has panicked, and logs it: otherwise there would be one lane less, and nobody would notice until
//! there is none.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;

use crate::broker::topology::BrokerId;

/// What panics at once, again and again, must not take a core.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs `start` to its end, however often it panics. It has nothing of its former self: what it held is gone, and
/// the requests of a lane's batch learn that it is not acknowledged.
pub(super) async fn restarting<F: Future<Output = ()>>(what: &str, broker: BrokerId, mut start: impl FnMut() -> F) {
    while AssertUnwindSafe(start()).catch_unwind().await.is_err() {
        tracing::error!(broker, "{what} has panicked, starting it again");
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_panics_is_started_until_it_ends() {
        let mut starts = 0;
        let start = || {
            starts += 1;
            let is_planted = starts <= 3;
            async move { assert!(!is_planted, "planted") }
        };
        restarting("a test", 1, start).await;
        assert_eq!(starts, 4);
    }
}
