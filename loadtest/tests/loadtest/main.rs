//! The real program, and its services, on real servers; one binary, so that the tests which can share a stack do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::Value;

mod any_target;
mod chaos;
mod kinds;
mod liars;
mod limits;
mod orders;
mod pipeline;
mod places;
mod room;
mod run;
mod searches;
mod secrets;
mod secure;
mod submissions;
mod verify;
mod visible;

/// The report that a run has left in this directory.
fn report(directory: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(directory.join("report.json")).unwrap()).unwrap()
}
