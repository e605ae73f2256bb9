//! The records of a run, of whichever kind: what each thread of the generator sends.

use super::order::Orders;
use super::plan::RunPlan;
use super::post::bodies::{Bodies, PlannedPost};

/// Writes the records of one run.
pub(crate) enum Records {
    /// Each a document of its own.
    Posts(Bodies),
    /// States of orders.
    Orders(Orders),
}

impl Records {
    /// The records of this plan.
    pub(crate) fn of(plan: RunPlan) -> Self {
        if plan.is_of_states() {
            Self::Orders(Orders::of(plan))
        } else {
            Self::Posts(Bodies::new(plan.run, plan.seed, plan.shape))
        }
    }

    /// Record `n`, which this user sends.
    pub(crate) fn record(&mut self, n: u64, vu: u32) -> PlannedPost {
        match self {
            Self::Posts(bodies) => bodies.post(n),
            Self::Orders(orders) => orders.order(n, vu),
        }
    }
}
