//! The open model: posts are due at a given rate, whatever the answers do. A post for which no user is free when it is
//! due leaves as soon as one is, and its latency counts from its due time. No post is ever skipped, so a target that
//! hangs gets everything it missed at once when it is back.

use std::time::{Duration, Instant};

use super::stages::Stages;

/// The open model.
#[derive(Debug, Clone)]
pub(crate) struct OpenModel {
    /// When the first post is due.
    pub(crate) start: Instant,
    /// No post is due at or after this time.
    pub(crate) end: Instant,
    /// The number of virtual users that send them; more than zero. At most this many posts are in flight at a time.
    pub(crate) vus: u32,
    /// The rate at which posts are due.
    pub(crate) rate: Rate,
}

/// The number of posts that are due per second.
#[derive(Debug, Clone)]
pub(crate) enum Rate {
    /// A constant rate; more than zero.
    Constant(f64),
    /// The rate that the stages give.
    Stages(Stages),
}

impl OpenModel {
    /// When post number `post` (from zero) is due; `None` if the load ends first.
    pub(crate) fn due(&self, post: u64) -> Option<Instant> {
        let due = self.start + self.rate.due(post)?;
        (due < self.end).then_some(due)
    }

    /// How many posts are due.
    pub(crate) fn posts(&self) -> u64 {
        let is_due = |post: u64| self.due(post).is_some();
        let mut beyond = 1;
        while is_due(beyond) {
            beyond *= 2;
        }
        // Posts are due in the order of their numbers.
        let (mut due, mut not_due) = (0, beyond);
        while due < not_due {
            let middle = due + (not_due - due) / 2;
            if is_due(middle) { due = middle + 1 } else { not_due = middle }
        }
        due
    }
}

impl Rate {
    /// How long after the start post number `post` (from zero) is due; `None` if it never is.
    fn due(&self, post: u64) -> Option<Duration> {
        match self {
            Rate::Constant(rate) => Duration::try_from_secs_f64(post as f64 / rate).ok(),
            Rate::Stages(stages) => stages.due(post),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_constant_stage_is_a_constant_rate(rate in 1_u32..5_000, seconds in 1_u64..20) {
            let (start, stages) = (Instant::now(), format!("0s:{rate},{seconds}s:{rate}").parse::<Stages>().unwrap());
            let constant = Rate::Constant(f64::from(rate));
            let (end, vus) = (start + stages.length(), 1);
            let constant = OpenModel { start, end, vus, rate: constant };
            let staged = OpenModel { start, end, vus, rate: Rate::Stages(stages) };
            // The last post may be due a rounding error before the end, or at it.
            let posts = u64::from(rate) * seconds - 1;
            for post in 0..posts {
                let (one, other) = (constant.due(post).unwrap(), staged.due(post).unwrap());
                prop_assert!(one.max(other) - one.min(other) < Duration::from_nanos(100), "post {}", post);
            }
            prop_assert_eq!((constant.due(posts + 2), staged.due(posts + 2)), (None, None));
            for model in [constant, staged] {
                prop_assert_eq!(model.posts(), (0..).take_while(|post| model.due(*post).is_some()).count() as u64);
            }
        }
    }
}
