//! Exponential backoff with jitter, as a plain value: it says how long to wait, the caller waits.

use std::time::Duration;

/// How long to wait before the next try. The wait doubles from `initial` up to `max`, less a random part of up to half,
/// so that clients that failed together do not come back together.
#[derive(Debug, Clone)]
pub struct Backoff {
    initial: Duration,
    max: Duration,
    tries: u32,
}

impl Backoff {
    /// A backoff that starts at `initial` and never waits longer than `max`.
    pub fn new(initial: Duration, max: Duration) -> Self {
        Self { initial, max, tries: 0 }
    }

    /// The backoff for Kafka and MongoDB: 100 ms to 2 s, so that a recovery is noticed soon.
    pub fn for_servers() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(2))
    }

    /// The next wait; `jitter` is a random number in 0..1.
    pub fn next(&mut self, jitter: f64) -> Duration {
        let doubled = self.initial.saturating_mul(2_u32.saturating_pow(self.tries));
        self.tries = self.tries.saturating_add(1);
        doubled.min(self.max).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// Waits for the time that [`Self::next`] returns.
    pub async fn wait(&mut self) {
        let wait = self.next(random());
        tokio::time::sleep(wait).await;
    }

    /// True until the first wait, and again after a reset.
    pub fn is_fresh(&self) -> bool {
        self.tries == 0
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

/// A number in 0..1 that differs from call to call and from process to process; random enough for jitter.
fn random() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(0_u8);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_maximum() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<u128> = (0..6).map(|_| backoff.next(0.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        backoff.reset();
        assert_eq!(backoff.next(1.0), Duration::from_millis(50));
    }

    proptest! {
        #[test]
        fn a_wait_is_never_zero_nor_above_the_maximum(tries in 0_u32..200, jitter in 0.0..1.0_f64) {
            let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
            for _ in 0..tries {
                backoff.next(jitter);
            }
            let wait = backoff.next(jitter);
            prop_assert!(wait >= Duration::from_millis(50) && wait <= Duration::from_secs(2));
        }

        #[test]
        fn random_is_in_range(_ in 0..100) {
            prop_assert!((0.0..1.0).contains(&random()));
        }
    }
}
