//! When posts are due: the pure core of the generator. It knows no clock: times are arguments and results.
//!
//! In the closed model each of a fixed number of virtual users sends a post, waits for its answer, thinks for a while,
//! and sends the next one, as k6's `constant-vus` with a `sleep` does. The users' first posts are spread evenly over one
//! think time, so that the load is smooth from the start instead of a volley every second. A post's due time is computed
//! and never read off the clock after waking up, so a generator that oversleeps shows as latency instead of hiding it.
//! In the open model posts are due at a given rate, whatever the answers do. The users take turns; one that still waits
//! for an answer when its turn comes sends its post as soon as it can, and that post's latency counts from its due time.
//! No turn is ever skipped, so a target that hangs finds what it missed all at once when it is back.

use std::time::{Duration, Instant};

/// A user whose post was not answered waits at least this long, lest it spin on a target that is away.
pub(crate) const PAUSE_AFTER_TROUBLE: Duration = Duration::from_millis(100);

/// When posts are due.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Model {
    Closed(ClosedModel),
    Open(OpenModel),
}

/// The open model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenModel {
    /// When the first post is due.
    pub(crate) start: Instant,
    /// No post is due at or after this time.
    pub(crate) end: Instant,
    /// How many virtual users take turns; more than zero. No more posts than these are in flight at the same time.
    pub(crate) vus: u32,
    /// Posts per second; more than zero.
    pub(crate) rate: f64,
}

/// The closed model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClosedModel {
    /// When the first user's first post is due.
    pub(crate) start: Instant,
    /// No post is due at or after this time.
    pub(crate) end: Instant,
    /// How many virtual users there are; more than zero.
    pub(crate) vus: u32,
    /// The pause between an answer and the next post.
    pub(crate) think: Duration,
}

/// How a post ended, as far as pacing cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The target gave its judgement.
    Answered,
    /// The target was away, too busy or too slow.
    InTrouble,
}

impl Model {
    /// When the first post is due, at the earliest.
    pub(crate) fn start(&self) -> Instant {
        match self {
            Model::Closed(model) => model.start,
            Model::Open(model) => model.start,
        }
    }

    /// The same, from another time on.
    pub(crate) fn starting_at(mut self, now: Instant) -> Self {
        let (start, end) = match &mut self {
            Model::Closed(model) => (&mut model.start, &mut model.end),
            Model::Open(model) => (&mut model.start, &mut model.end),
        };
        *end = now + (*end - *start);
        *start = now;
        self
    }

    /// How many virtual users there are.
    pub(crate) fn vus(&self) -> u32 {
        match self {
            Model::Closed(model) => model.vus,
            Model::Open(model) => model.vus,
        }
    }

    /// When the post number `turn` (from zero) of user `vu` is due, `last` being when and how the one before it ended;
    /// `None` if the user is done.
    pub(crate) fn due(&self, vu: u32, turn: u64, last: Option<(Instant, Ended)>) -> Option<Instant> {
        match (self, last) {
            (Model::Closed(model), None) => model.first(vu),
            (Model::Closed(model), Some((now, ended))) => model.next(now, ended),
            (Model::Open(model), _) => model.due(vu, turn),
        }
    }
}

impl OpenModel {
    /// When the post number `turn` of user `vu` is due; `None` if the end comes before.
    fn due(&self, vu: u32, turn: u64) -> Option<Instant> {
        let post = u64::from(vu) + turn * u64::from(self.vus);
        let due = self.start + Duration::try_from_secs_f64(post as f64 / self.rate).ok()?;
        (due < self.end).then_some(due)
    }
}

impl ClosedModel {
    /// When the first post of user `vu` (counted from zero) is due; `None` if the end comes before.
    fn first(&self, vu: u32) -> Option<Instant> {
        self.before_end(self.start + self.think * vu / self.vus)
    }

    /// When a user's next post is due, its last one having ended at `now`; `None` if the user is done.
    fn next(&self, now: Instant, ended: Ended) -> Option<Instant> {
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
    fn without_thinking_all_start_at_once_and_go_on_at_once() {
        let model = model(64, Duration::ZERO, SECOND);
        assert!((0..64).all(|vu| model.first(vu) == Some(model.start)));
        let now = model.start + Duration::from_millis(3);
        assert_eq!(model.next(now, Ended::Answered), Some(now));
        assert_eq!(model.next(now, Ended::InTrouble), Some(now + PAUSE_AFTER_TROUBLE));
    }

    proptest! {
        #[test]
        fn the_open_model_offers_its_rate_whatever_the_answers_do(
            vus in 1_u32..50, rate in 0.5_f64..5_000.0, duration_ms in 1_u64..2_000, latency_ms in 0_u64..5_000,
        ) {
            let start = Instant::now();
            let duration = Duration::from_millis(duration_ms);
            let model = Model::Open(OpenModel { start, end: start + duration, vus, rate });
            let mut times = Vec::new();
            for vu in 0..vus {
                let (mut turn, mut last) = (0, None);
                while let Some(due) = model.due(vu, turn, last) {
                    times.push((due - start).as_secs_f64());
                    last = Some((due + Duration::from_millis(latency_ms), Ended::InTrouble));
                    turn += 1;
                }
            }
            times.sort_by(f64::total_cmp);
            let expected = (duration.as_secs_f64() * rate).ceil() as usize;
            prop_assert!(times.len().abs_diff(expected) <= 1, "{} of {}", times.len(), expected);
            prop_assert!(times.iter().enumerate().all(|(post, at)| (at - post as f64 / rate).abs() < 1e-6));
        }

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
