//! The records of a run, of whichever kind: what each thread of the generator sends.

use super::of_schema::SchemaRecords;
use super::order::Orders;
use super::plan::RunPlan;
use super::post::bodies::{Bodies, PlannedPost};

/// Writes the records of one run.
pub(crate) enum Records {
    /// Each a document of its own.
    Posts(Bodies),
    /// States of orders.
    Orders(Orders),
    /// Records of a kind of a schema, with their keys if they have any.
    OfSchema(SchemaRecords, Option<Orders>),
}

impl Records {
    /// The records of this plan.
    pub(crate) fn of(plan: RunPlan) -> Self {
        if let Some(records) = SchemaRecords::of(&plan) {
            Self::OfSchema(records, plan.is_of_states().then(|| Orders::of(plan)))
        } else if plan.is_of_states() {
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
            Self::OfSchema(records, keys) => {
                let key = keys.as_ref().map(|keys| keys.id(keys.key(n, vu))).unwrap_or_default();
                records.record(n, &key)
            }
        }
    }
}
