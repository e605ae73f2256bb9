//! Submissions under test: the [`binary`] that lies beside this one, the [`database`] and the [`queue`], the processes
//! ([`system`], each a [`process`]), what they [count](counters), which [`partitions`] they hold, and what the database
//! holds in the end ([`export`]).
//! [`mod@fault`] names what can be done to them, and [`stage`] does it.

pub(crate) mod binary;
pub(crate) mod counters;
pub(crate) mod database;
pub(crate) mod export;
pub(crate) mod fault;
pub(crate) mod partitions;
pub(crate) mod process;
pub(crate) mod queue;
pub(crate) mod stage;
pub(crate) mod system;
