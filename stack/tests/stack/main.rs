//! Real servers, as the stack starts and ends them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chosen;
mod cluster;
mod kafka;
mod killed_parent;
mod memory;
mod postgres;
mod process;
mod secantus;
mod shared;
mod store;
