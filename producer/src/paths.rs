//! The paths that belong to no handler of records.

/// The health check that clients of orders use.
pub(crate) const HEALTH: &str = "/api/health";
