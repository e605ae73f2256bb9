//! Assumptions about librdkafka and the broker, and a member of a group and an ordered publisher as a whole, and the
//! crate as a program uses it, on real brokers.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the failure")]

mod commits;
mod examples;
mod fetching;
mod leaders;
mod library_group;
mod library_publisher;
mod members;
mod offset_reset;
mod ordered;
mod outages;
mod pausing;
mod plain;
mod positions;
mod reading;
mod rebalances;
mod recreated;
mod run_ahead;
mod running;
mod secure;
mod skips;
mod world;
