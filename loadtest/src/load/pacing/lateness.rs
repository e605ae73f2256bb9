//! Who caused a post to leave late.

use std::time::{Duration, Instant};

/// How late a post left, separated by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lateness {
    /// From when it was due until its user was free.
    pub(crate) no_free_user: Duration,
    /// From then until it left.
    pub(crate) generator_late: Duration,
}

impl Lateness {
    /// For a post that was due at `due` and left at `left`, and whose user has been free since `free`, or always.
    pub(crate) fn of(due: Instant, free: Option<Instant>, left: Instant) -> Self {
        let could_leave = free.map_or(due, |free| free.max(due));
        Self {
            no_free_user: could_leave.saturating_duration_since(due),
            generator_late: left.saturating_duration_since(could_leave),
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
