//! The paths that belong to no handler of records.

/// The health check that clients of orders use.
pub(crate) const HEALTH: &str = "/api/health";

/// The OpenAPI document.
pub(crate) const OPENAPI: &str = "/openapi.json";

/// The documentation page.
pub(crate) const DOCS: &str = "/docs";
