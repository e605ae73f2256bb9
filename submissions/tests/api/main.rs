//! The API as its clients see it: the real `run` on a free port with a real database, asked over raw sockets; and the
//! program, killed while it answers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod bulk;
mod changes;
mod client;
mod cross_site;
mod database_away;
mod forms;
#[cfg(feature = "kafka")]
mod kafka;
mod killed;
mod list;
mod openapi;
mod owners;
mod page;
mod postgres;
mod program;
mod running;
mod sign_in;
mod submit;
mod tls;
mod unread;
