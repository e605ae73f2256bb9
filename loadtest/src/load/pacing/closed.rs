//! The closed model: like k6's `constant-vus` with a `sleep`, each user waits for its answer, thinks, and continues.
//! The users' first posts are spread evenly over one think time, so that the load is smooth from the start instead of a
//! volley every second.

use std::time::{Duration, Instant};

use super::ended::Ended;

/// A user whose post was not answered waits at least this long, so that it does not spin on a target that is away.
pub(crate) const PAUSE_AFTER_TROUBLE: Duration = Duration::from_millis(100);

/// The closed model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedModel {
    /// When the first user's first post is due.
    pub(crate) start: Instant,
    /// No post is due at or after this time.
    pub(crate) end: Instant,
    /// The number of virtual users; more than zero.
    pub(crate) vus: u32,
    /// The pause between an answer and the next post.
    pub(crate) think: Duration,
}

impl ClosedModel {
    /// When the first post of user `vu` (from zero) is due; `None` if the load ends first.
    pub(crate) fn first(&self, vu: u32) -> Option<Instant> {
        self.before_end(self.start + self.think * vu / self.vus)
    }

    /// When a user's next post is due, if its last one ended at `now`; `None` if the user is done.
    pub(crate) fn next(&self, now: Instant, ended: Ended) -> Option<Instant> {
        let pause = match ended {
            Ended::Answered => self.think,
            Ended::InTrouble => self.think.max(PAUSE_AFTER_TROUBLE),
        };
        self.before_end(now + pause)
    }

    fn before_end(&self, due: Instant) -> Option<Instant> {
        (due < self.end).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn model(vus: u32, think: Duration, duration: Duration) -> ClosedModel {
        let start = Instant::now();
        ClosedModel { start, end: start + duration, vus, think }
    }

    /// The due times of one user whose posts each take `latency`.
    fn due_times(model: &ClosedModel, vu: u32, latency: Duration) -> Vec<Instant> {
        let mut due = model.first(vu);
        let mut times = Vec::new();
        while let Some(at) = due {
            times.push(at);
            due = model.next(at + latency, Ended::Answered);
        }
        times
    }

    #[test]
    fn the_classic_load_offers_almost_nine_thousand_posts() {
        let model = model(300, SECOND, 30 * SECOND);
        let posts: usize = (0..300).map(|vu| due_times(&model, vu, Duration::from_millis(5)).len()).sum();
        assert!((8_900..=9_000).contains(&posts), "{posts}");
    }

    #[test]
    fn without_thinking_all_start_at_once_and_continue_at_once() {
        let model = model(64, Duration::ZERO, SECOND);
        assert!((0..64).all(|vu| model.first(vu) == Some(model.start)));
        let now = model.start + Duration::from_millis(3);
        assert_eq!(model.next(now, Ended::Answered), Some(now));
        assert_eq!(model.next(now, Ended::InTrouble), Some(now + PAUSE_AFTER_TROUBLE));
    }

    proptest! {
        #[test]
        fn first_posts_are_spread_evenly_over_one_think_time(vus in 1_u32..2_000, think_ms in 0_u64..5_000) {
            let model = model(vus, Duration::from_millis(think_ms), 3_600 * SECOND);
            let step = model.think / vus;
            for vu in 0..vus {
                let first = model.first(vu).unwrap();
                prop_assert!(vu == 0 || first < model.start + model.think || model.think.is_zero());
                let even = model.start + step * vu;
                prop_assert!(first >= even && first - even <= Duration::from_micros(2), "user {}", vu);
            }
        }

        #[test]
        fn a_user_thinks_after_every_answer_and_ends_in_time(
            vu in 0_u32..50, think_ms in 1_u64..2_000, latency_ms in 0_u64..2_000, duration_ms in 1_u64..20_000,
        ) {
            let model = model(50, Duration::from_millis(think_ms), Duration::from_millis(duration_ms));
            let period = model.think + Duration::from_millis(latency_ms);
            let times = due_times(&model, vu, Duration::from_millis(latency_ms));
            prop_assert!(times.windows(2).all(|pair| pair[1] - pair[0] == period));
            prop_assert!(times.iter().all(|at| *at < model.end));
            if let Some(last) = times.last() {
                prop_assert!(*last + period >= model.end, "no post is left out");
            }
        }
    }
}
