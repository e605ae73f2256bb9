//! The consumer as a whole: the real `run` on port 0, against a real broker and a real document store.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod administration;
mod brake_release;
mod command_line;
mod dead_letter_limit;
mod dead_letters_command;
mod dead_letters_gone;
mod duplicates;
mod erasures;
mod flushes;
mod frozen;
mod large_letters;
mod mongodb_answers;
mod not_allowed;
mod offsets_reset;
mod order_world;
mod orders;
mod pausing;
mod rebalance;
mod records;
mod records_of_files;
mod retention;
mod run_ahead;
mod running;
mod secure_store;
mod stalls;
mod status;
mod store_away;
mod strict_dead_letter_topics;
mod stuck_kind;
mod support;
mod upserts;
mod wrong_clock;
