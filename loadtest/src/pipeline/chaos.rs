//! What chaos does to a pipeline, and what it proves in addition to the ledger.
//!
//! A list of [`faults`] and a seed make a [`schedule`]; [`inject`] lets each [`mod@fault`] happen on the [`stage`]
//! (with [`toxics`] for the network, [`poison`] for bad records, [`extra`] posts with a proof of their own, and
//! [`topics`] that change) while a [`watch`] keeps the [`timeline`] that shows the effect of each.

pub(crate) mod extra;
pub(crate) mod fault;
pub(crate) mod faults;
pub(crate) mod inject;
pub(crate) mod poison;
pub(crate) mod schedule;
pub(crate) mod stage;
pub(crate) mod timeline;
pub(crate) mod topics;
pub(crate) mod toxics;
pub(crate) mod watch;
