//! When posts are due: the pure core of the generator. It knows no clock: times are arguments and results.
//!
//! In the [`closed`] model each of a fixed number of virtual users sends a post, waits for its answer, thinks for a
//! while, and sends the next one. In the [`open`] model posts are due at a given rate, which may change in [`stages`],
//! whatever the answers do; [`turns`] says which user sends them. In both, a post's due time is computed and never read
//! off the clock after waking up, so a generator that oversleeps shows as latency instead of hiding it.

use std::time::Instant;

pub(crate) use closed::ClosedModel;
pub(crate) use open::{OpenModel, Rate};

mod closed;
pub(crate) mod ended;
pub(crate) mod lateness;
mod open;
pub(crate) mod stages;
pub(crate) mod turns;

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

    /// How many posts are due by the end of the load; `None` in the closed model, where that depends on the answers.
    pub(crate) fn posts(&self) -> Option<u64> {
        match self {
            Model::Closed(_) => None,
            Model::Open(model) => Some(model.posts()),
        }
    }
}
