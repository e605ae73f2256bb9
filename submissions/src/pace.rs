//! When to ask the store for something: one question of a sort at a time, and after an error only after a wait that
//! grows. Pure.

use std::time::Instant;

use service::Backoff;

use crate::store::StoreError;

/// The questions of one sort.
#[derive(Debug)]
pub(crate) struct Pace {
    is_asking: bool,
    not_before: Instant,
    backoff: Backoff,
    /// Why the last question was not answered.
    error: Option<String>,
    /// What the next jitter follows from.
    seed: u64,
}

impl Pace {
    /// The first question may be asked now. The jitter of its waits follows from the seed.
    pub(crate) fn new(seed: u64, now: Instant) -> Self {
        Self { is_asking: false, not_before: now, backoff: Backoff::for_servers(), error: None, seed }
    }

    /// When the next question may be asked; `None` while one waits for its answer.
    pub(crate) fn ready(&self) -> Option<Instant> {
        (!self.is_asking).then_some(self.not_before)
    }

    /// Whether a question waits for its answer.
    pub(crate) fn is_asking(&self) -> bool {
        self.is_asking
    }

    /// A question is on its way.
    pub(crate) fn asked(&mut self) {
        self.is_asking = true;
    }

    /// It was answered.
    pub(crate) fn answered(&mut self) {
        self.is_asking = false;
        self.error = None;
        self.backoff.reset();
    }

    /// It was answered, and the next one has time until then.
    pub(crate) fn answered_until(&mut self, next: Instant) {
        self.answered();
        self.not_before = next;
    }

    /// It was not answered.
    pub(crate) fn failed(&mut self, error: StoreError, now: Instant) {
        self.is_asking = false;
        // The multiplier of a common generator: good enough to spread what failed at the same time.
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let jitter = (self.seed >> 11) as f64 / (1_u64 << 53) as f64;
        self.not_before = now + self.backoff.next(jitter);
        self.error = Some(error.0);
    }

    /// Why the last question was not answered, if it was not.
    pub(crate) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_question_waits_for_the_previous_one_and_longer_after_each_error() {
        let start = Instant::now();
        let mut pace = Pace::new(7, start);
        assert_eq!(pace.ready(), Some(start));
        pace.asked();
        assert_eq!((pace.ready(), pace.is_asking()), (None, true));
        let mut waits = Vec::new();
        for _ in 0..6 {
            pace.failed(StoreError("away".to_owned()), start);
            waits.push(pace.ready().expect("nothing is asked") - start);
        }
        assert_eq!(pace.error(), Some("away"));
        assert!(waits[0] <= Duration::from_millis(100) && waits[5] >= Duration::from_secs(1), "{waits:?}");
        pace.answered_until(start + Duration::from_secs(9));
        assert_eq!((pace.ready(), pace.error()), (Some(start + Duration::from_secs(9)), None));
        pace.failed(StoreError("away".to_owned()), start);
        assert!(pace.ready() <= Some(start + Duration::from_millis(100)), "an answer forgets the errors before it");
    }
}
