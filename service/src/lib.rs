//! What every binary of this workspace needs besides its own work: settings from the environment, logs, metrics and
//! traces, an HTTP server with limits and health endpoints, a description of its interface, the stop signal, backoff.
//! This crate knows neither Kafka's nor MongoDB's client.

pub mod access;
mod allocator;
pub mod audit;
pub mod auth;
pub mod backoff;
mod catalogue;
pub mod cluster;
mod config;
pub mod docs_page;
pub mod documentation;
pub mod exit;
pub mod failpoint;
pub mod health;
pub mod html;
pub mod http;
mod instruments;
pub mod kinds;
mod listeners;
pub mod metrics;
pub mod open_files;
pub mod openapi;
pub mod problem;
pub mod program;
pub mod rate;
pub mod readiness;
mod recent;
pub mod recent_errors;
mod renewal;
pub mod secrets;
pub mod settings;
pub mod state_file;
pub mod status;
pub mod stop;
pub mod telemetry;
pub mod tls;
pub mod trace;
mod turn;

pub use access::{Access, AccessConfig};
pub use backoff::Backoff;
pub use catalogue::METRICS;
pub use config::ServiceConfig;
pub use health::Health;
pub use instruments::Instruments;
pub use kinds::Kinds;
pub use listeners::{Addresses, Listeners};
pub use metrics::Registry;
pub use program::Program;
pub use readiness::Readiness;
pub use recent::Recent;
pub use settings::Settings;
pub use trace::{Tracer, Tracing};
pub use turn::Turn;
