//! What a part of a service reports by.

use crate::{Readiness, Registry, Tracer};

/// A service's metrics, health and traces, for each of its parts. Cheap to clone.
#[derive(Clone)]
pub struct Instruments {
    /// Its metrics.
    pub registry: Registry,
    /// Its health.
    pub readiness: Readiness,
    /// Its traces, if there are any.
    pub tracer: Option<Tracer>,
}
