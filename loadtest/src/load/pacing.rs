//! When posts are due: the pure core of the generator. It knows no clock: times are arguments and results.
//!
//! In the [`closed`] model each of a fixed number of virtual users sends a post, waits for its answer, thinks for a while,
//! and sends the next one. In the [`open`] model posts are due at a given rate, which may change in [`stages`], whatever
//! the answers do. Either way a post's due time is computed and never read off the clock after waking up, so a generator
//! that oversleeps shows as latency instead of hiding it.

use std::time::{Duration, Instant};

pub(crate) use closed::ClosedModel;
pub(crate) use open::{OpenModel, Rate};

mod closed;
mod open;
pub(crate) mod stages;

/// When posts are due.
#[derive(Debug, Clone)]
pub(crate) enum Model {
    Closed(ClosedModel),
    Open(OpenModel),
}

/// How late a post left, apart by whose fault it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lateness {
    /// From when it was due until its user was free.
    pub(crate) no_free_user: Duration,
    /// From then until it left.
    pub(crate) generator_late: Duration,
}

impl Lateness {
    /// Of a post that was due at `due` and left at `left`, its user having been free since `free`, or always.
    pub(crate) fn of(due: Instant, free: Option<Instant>, left: Instant) -> Self {
        let could_leave = free.map_or(due, |free| free.max(due));
        Self {
            no_free_user: could_leave.saturating_duration_since(due),
            generator_late: left.saturating_duration_since(could_leave),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_a_user_is_not_the_generators_lateness() {
        let (start, milliseconds) = (Instant::now(), Duration::from_millis);
        let lateness = |due, free: Option<u64>, left| {
            let free = free.map(|free| start + milliseconds(free));
            let Lateness { no_free_user, generator_late } =
                Lateness::of(start + milliseconds(due), free, start + milliseconds(left));
            (no_free_user.as_millis(), generator_late.as_millis())
        };
        assert_eq!(lateness(10, None, 13), (0, 3), "the user's first post");
        assert_eq!(lateness(10, Some(4), 13), (0, 3), "the user was free in time");
        assert_eq!(lateness(10, Some(40), 42), (30, 2));
        assert_eq!(lateness(10, Some(4), 10), (0, 0));
    }
}
