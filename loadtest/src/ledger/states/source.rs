//! What the states of a run must be, whatever their kind.

use bson::RawDocument;
use contract::{Place, document};

use super::stored::{differences, place_in};
use crate::ledger::of_schema::SchemaRecords;
use crate::ledger::order::Orders;
use crate::ledger::plan::RunPlan;
use crate::ledger::schema_bodies::compare;

/// The field with the place of a document's record.
const PLACE: &str = "kafka";

/// The states of one run.
#[derive(Debug, Clone)]
pub(crate) enum States {
    Orders(Orders),
    /// Of a kind of a schema. Its keys are dealt out as those of orders are.
    OfSchema(SchemaRecords, Orders),
}

impl States {
    /// The states of this plan.
    pub(crate) fn of(plan: RunPlan) -> Self {
        match SchemaRecords::of(&plan) {
            Some(records) => Self::OfSchema(records, Orders::of(plan)),
            None => Self::Orders(Orders::of(plan)),
        }
    }

    /// Whose states they are.
    pub(crate) fn keys(&self) -> &Orders {
        match self {
            Self::Orders(orders) | Self::OfSchema(_, orders) => orders,
        }
    }

    /// The id of the key of record `n`, which this user sends.
    pub(crate) fn id(&self, n: u64, vu: u32) -> String {
        self.keys().id(self.keys().key(n, vu))
    }

    /// The number of the record that a document names.
    pub(crate) fn number_of(&self, document: &RawDocument) -> Option<u64> {
        match self {
            Self::Orders(orders) => document.get_str("customer_id").ok().and_then(|text| orders.number_in(text)),
            Self::OfSchema(records, _) => records.number_of_document(document),
        }
    }

    /// Whether record `n` breaks a rule on purpose.
    pub(super) fn breaks_rule(&self, n: u64) -> bool {
        match self {
            Self::Orders(orders) => orders.is_invalid(n),
            Self::OfSchema(records, _) => records.breaks_rule(n),
        }
    }

    /// What record `n` says, as JSON; `None` if it must not be stored.
    pub(super) fn shown(&self, n: u64, vu: u32) -> Option<String> {
        match self {
            Self::Orders(orders) => orders.state(n, vu).map(|state| state.shown()),
            Self::OfSchema(records, _) => records.shown(n, &self.id(n, vu)),
        }
    }

    /// How a document differs from that of record `n`, which stands at this place. `None` for a record that breaks a
    /// rule: it has no document.
    pub(super) fn differs(&self, document: &RawDocument, n: u64, vu: u32, place: Place) -> Option<Option<String>> {
        match self {
            Self::Orders(orders) => Some(differences(document, &orders.state(n, vu)?.document(place))),
            Self::OfSchema(records, _) => {
                let id = self.id(n, vu);
                let said = records.said(n, &id)?;
                let mut differing = compare::differences(document, &said, &[document::ID_FIELD, PLACE]);
                differing.extend((document.get_str(document::ID_FIELD).ok() != Some(&id)).then(|| "_id".to_owned()));
                differing.extend((place_in(document) != Some(place)).then(|| PLACE.to_owned()));
                Some((!differing.is_empty()).then(|| differing.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests;
