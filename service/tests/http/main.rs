//! The HTTP server as its clients see it, in the clear and over TLS: the real `serve` on a free port.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client;
mod handshakes;
mod manners;
mod per_address;
mod renewal;
mod server;
mod tls;
