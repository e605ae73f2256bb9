//! When posts are due: the pure core of the generator. It knows no clock: times are arguments and results.
//!
//! In the [`closed`] model each of a fixed number of virtual users sends a post, waits for its answer, thinks for a
//! while, and sends the next one. In the [`open`] model posts are due at a given rate, which may change in [`stages`],
//! whatever the answers do. In both, a post's due time is computed and never read off the clock after waking up, so a
//! generator that oversleeps shows as latency instead of hiding it.

use std::time::Instant;

pub(crate) use closed::ClosedModel;
use ended::Ended;
pub(crate) use open::{OpenModel, Rate};

mod closed;
pub(crate) mod ended;
pub(crate) mod lateness;
mod open;
pub(crate) mod stages;

/// When posts are due.
#[derive(Debug, Clone)]
pub(crate) enum Model {
    Closed(ClosedModel),
    Open(OpenModel),
}

impl Model {
    /// When the first post is due, at the earliest.
    pub(crate) fn start(&self) -> Instant {
        match self {
            Model::Closed(model) => model.start,
            Model::Open(model) => model.start,
        }
    }

    /// The same model, starting at another time.
    pub(crate) fn starting_at(mut self, now: Instant) -> Self {
        let (start, end) = match &mut self {
            Model::Closed(model) => (&mut model.start, &mut model.end),
            Model::Open(model) => (&mut model.start, &mut model.end),
        };
        *end = now + (*end - *start);
        *start = now;
        self
    }

    /// The number of virtual users.
    pub(crate) fn vus(&self) -> u32 {
        match self {
            Model::Closed(model) => model.vus,
            Model::Open(model) => model.vus,
        }
    }

    /// When post number `turn` (from zero) of user `vu` is due; `None` if the user is done. `last` is when and how the
    /// user's previous post ended.
    pub(crate) fn due(&self, vu: u32, turn: u64, last: Option<(Instant, Ended)>) -> Option<Instant> {
        match (self, last) {
            (Model::Closed(model), None) => model.first(vu),
            (Model::Closed(model), Some((now, ended))) => model.next(now, ended),
            (Model::Open(model), _) => model.due(vu, turn),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_open_model_offers_its_rate_whatever_the_answers_do(
            vus in 1_u32..50, rate in 0.5_f64..5_000.0, duration_ms in 1_u64..2_000, latency_ms in 0_u64..5_000,
        ) {
            let start = Instant::now();
            let duration = Duration::from_millis(duration_ms);
            let model = Model::Open(OpenModel { start, end: start + duration, vus, rate: Rate::Constant(rate) });
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
    }
}
