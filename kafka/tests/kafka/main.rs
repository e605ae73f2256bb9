//! What is assumed of librdkafka and of the broker, and a member of a group as a whole, on real brokers.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod anew;
mod commits;
mod fetching;
mod leaders;
mod members;
mod outages;
mod plain;
mod positions;
mod rebalances;
mod run_ahead;
mod running;
mod skips;
mod world;
