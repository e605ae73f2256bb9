//! Answers that no fault of a pipeline excuses. Pure.

use std::ops::AddAssign;

use contract::Kind;
use serde::{Deserialize, Serialize};
use service::status::figures::grouped;

/// Records by the wrong answer that they got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrongAnswers {
    /// Broke a rule on purpose, and were answered 2xx.
    pub(crate) invalid_accepted: u64,
    /// Were valid, and were answered 4xx; without 408, which a producer says that stood still while a body came in.
    pub(crate) valid_refused: u64,
    /// Were answered neither 2xx, 4xx nor 503.
    pub(crate) other_status: u64,
}

impl WrongAnswers {
    /// What is wrong, in sentences. Others may have reasons of their own to refuse a record; services that the lab has
    /// started have none, whatever happens to the servers around them.
    pub(crate) fn faults(&self, kind: Kind, is_ours: bool) -> Vec<String> {
        let Self { invalid_accepted, valid_refused, other_status } = *self;
        let kind = kind.name();
        let [valid_refused, other_status] = [valid_refused, other_status].map(|count| if is_ours { count } else { 0 });
        [
            (invalid_accepted, format!("{kind}s that break a rule on purpose (--invalid-share) were answered 2xx")),
            (valid_refused, format!("valid {kind}s were answered 4xx")),
            (other_status, format!("{kind}s were answered neither 2xx, 4xx nor 503")),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(count)))
        .collect()
    }
}

impl AddAssign for WrongAnswers {
    fn add_assign(&mut self, other: Self) {
        self.invalid_accepted += other.invalid_accepted;
        self.valid_refused += other.valid_refused;
        self.other_status += other.other_status;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_services_have_no_reason_to_refuse() {
        let mut wrong = WrongAnswers { invalid_accepted: 1, valid_refused: 2, other_status: 3 };
        wrong += WrongAnswers { valid_refused: 1_000, ..WrongAnswers::default() };
        let of_others = wrong.faults(Kind::Order, false);
        assert_eq!(of_others, ["1 orders that break a rule on purpose (--invalid-share) were answered 2xx"]);
        let ours = wrong.faults(Kind::Order, true);
        assert_eq!(ours[0], of_others[0]);
        assert_eq!(
            ours[1..],
            ["1,002 valid orders were answered 4xx", "3 orders were answered neither 2xx, 4xx nor 503"]
        );
        assert_eq!(WrongAnswers::default().faults(Kind::Order, true), [""; 0]);
    }
}
