//! The middle of a member, without IO: what to flush, what to dead-letter, what to commit, what to fetch, and when to
//! give partitions up. Events go in, actions come out, the time is an argument, and records are cargo that it never
//! looks into.
//!
//! How a record travels: it is delivered under the [`Assignment`] in force, or dropped; it waits in the [`buffer`],
//! goes out with a [`Flush`] ([`flushes`]), and is finished once it is stored, or acknowledged as a dead letter
//! ([`letters`]) unless the [`brake`] holds it. The unbroken run of finished records of a partition is committed
//! ([`offsets`], [`commits`]).
//!
//! Its caller hands over events as they come, then asks for actions until there are none, and returns at
//! [`Core::deadline`] at the latest. The simulation does the same in a world that fails in every way.

mod assignments;
pub mod brake;
mod buffer;
mod commits;
mod committing;
mod exchange;
mod flushes;
mod giving_up;
mod handling;
mod jitter;
mod letters;
mod limits;
mod mistake;
mod offsets;
mod received;
mod revoking;
mod skips;
mod state;
#[cfg(test)]
pub(super) mod tests;
mod trouble;

pub use assignments::{Assignment, Ticket};
pub use brake::{BrakeLimits, Exceeded};
pub use buffer::{BatchLimits, Trigger};
pub use commits::{COMMIT_INTERVAL, COMMIT_RETRY, FIRST_COMMIT_WAIT};
pub use exchange::{Action, Delivery, Event, NotStored, PartitionState};
pub use flushes::Flush;
pub use letters::{Letter, LetterError, Shape};
pub use limits::{GroupLimits, RunAhead};
#[cfg(test)]
pub(super) use mistake::Mistake;
pub use received::Received;
pub use state::Core;
pub use trouble::Trouble;
