//! The producer as its clients and its operator see it: the real `run` on a free port, against real Kafka, asked over
//! raw sockets. Two brokers are started for the whole binary: one that all tests share, and one that a few tests take
//! away; two tests have a cluster of three each.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accepted;
mod access;
mod audit;
mod batching;
mod broker;
mod bulk;
mod bulk_compressed;
mod bulk_idempotency;
mod bulk_rejected;
mod callers;
mod check_config;
mod client;
mod cluster;
mod failpoints;
mod health;
mod idempotency;
mod kafka_away;
mod kinds;
mod kinds_command;
mod leader;
mod limits;
mod lingering;
mod metrics;
mod misbehaving;
mod openapi;
mod operators;
mod orders;
mod orders_away;
mod orders_bulk;
mod orders_rejected;
mod program;
mod protocol;
mod records;
mod rejected;
mod running;
mod status;
mod stop;
mod topic;
