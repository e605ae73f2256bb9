//! What was asked of a submission after it was accepted, and how it can have ended after that.

use std::ops::RangeInclusive;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Cancel,
    Retry,
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It was done.
    Made,
    /// It was not, because the status did not allow it, or nobody was asked.
    Refused,
    /// It may have been done.
    Unknown,
}

/// A wish and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) wish: Wish,
    pub(crate) reply: Reply,
}

/// How a submission can have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endings {
    /// The series that it can be in.
    pub(crate) series: RangeInclusive<u32>,
    /// Whether it can be CANCELLED.
    pub(crate) cancelled: bool,
    /// Whether it can be what the rule says.
    pub(crate) verdict: bool,
    /// Whether another try was made of what the rule had said for certain.
    pub(crate) left_verdict: bool,
}

/// How a submission of which this was asked, in this order, can have ended. A cancel of which nobody knows whether it
/// was done can have been done at any later time.
pub(crate) fn endings(changes: &[Change]) -> Endings {
    let (mut least, mut most) = (1, 1);
    let (mut cancelled, mut verdict, mut may_come, mut left_verdict) = (false, true, false, false);
    for change in changes {
        match (change.wish, change.reply) {
            (_, Reply::Refused) => {}
            (Wish::Cancel, Reply::Made) => (cancelled, verdict) = (true, false),
            (Wish::Cancel, Reply::Unknown) => may_come = true,
            (Wish::Retry, Reply::Made) => {
                left_verdict |= !cancelled && !may_come;
                (least, most) = (least + 1, most + 1);
                (cancelled, verdict) = (false, true);
            }
            (Wish::Retry, Reply::Unknown) => {
                most += 1;
                verdict = true;
            }
        }
    }
    Endings { series: least..=most, cancelled: cancelled || may_come, verdict, left_verdict }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change(wish: Wish, reply: Reply) -> Change {
        Change { wish, reply }
    }

    #[test]
    fn only_what_was_answered_is_certain() {
        use Reply::{Made, Refused, Unknown};
        use Wish::{Cancel, Retry};
        let of = |series, cancelled, verdict, left_verdict| Endings { series, cancelled, verdict, left_verdict };
        let cases: [(&[Change], Endings); 10] = [
            (&[], of(1..=1, false, true, false)),
            (&[change(Cancel, Made)], of(1..=1, true, false, false)),
            (&[change(Cancel, Refused)], of(1..=1, false, true, false)),
            (&[change(Cancel, Unknown)], of(1..=1, true, true, false)),
            (&[change(Retry, Made)], of(2..=2, false, true, true)),
            (&[change(Cancel, Made), change(Retry, Made)], of(2..=2, false, true, false)),
            (&[change(Cancel, Made), change(Retry, Made), change(Retry, Made)], of(3..=3, false, true, true)),
            (&[change(Cancel, Made), change(Retry, Unknown)], of(1..=2, true, true, false)),
            (&[change(Cancel, Made), change(Retry, Refused)], of(1..=1, true, false, false)),
            (&[change(Cancel, Unknown), change(Retry, Made)], of(2..=2, true, true, false)),
        ];
        for (changes, expected) in cases {
            assert_eq!(endings(changes), expected, "{changes:?}");
        }
    }

    /// A step of a submission that works as it should.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Work,
        /// Whether it reaches the service, and whether its answer comes back.
        Ask(Wish, bool, bool),
    }

    fn step() -> impl Strategy<Value = Step> {
        let wish = prop_oneof![Just(Wish::Cancel), Just(Wish::Retry)];
        prop_oneof![Just(Step::Work), (wish, any::<bool>(), any::<bool>()).prop_map(|(w, a, b)| Step::Ask(w, a, b))]
    }

    proptest! {
        #[test]
        fn whatever_a_faithful_service_does_is_possible(steps in proptest::collection::vec(step(), 0..12)) {
            let (mut series, mut cancelled, mut is_final, mut changes) = (1, false, false, Vec::new());
            let mut has_left_verdict = false;
            for step in steps {
                match step {
                    Step::Work => is_final = true,
                    Step::Ask(wish, arrives, comes_back) => {
                        let is_allowed = (wish == Wish::Cancel) != is_final;
                        if arrives && is_allowed {
                            has_left_verdict |= wish == Wish::Retry && !cancelled;
                            (cancelled, is_final) = (wish == Wish::Cancel, wish == Wish::Cancel);
                            series += u32::from(wish == Wish::Retry);
                        }
                        let reply = match (arrives && comes_back, is_allowed) {
                            (false, _) => Reply::Unknown,
                            (true, true) => Reply::Made,
                            (true, false) => Reply::Refused,
                        };
                        changes.push(change(wish, reply));
                    }
                }
            }
            let endings = endings(&changes);
            prop_assert!(endings.series.contains(&series), "{series} of {endings:?} after {changes:?}");
            prop_assert!(if cancelled { endings.cancelled } else { endings.verdict }, "{endings:?} after {changes:?}");
            prop_assert!(has_left_verdict || !endings.left_verdict, "{endings:?} after {changes:?}");
        }
    }
}
