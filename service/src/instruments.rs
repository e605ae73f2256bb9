//! How a part of a service reports.

use crate::{Readiness, Registry, Tracer};

/// A service's metrics, readiness and traces. Each of its parts gets them; cheap to clone.
#[derive(Clone)]
pub struct Instruments {
    /// Its metrics.
    pub registry: Registry,
    /// Its readiness.
    pub readiness: Readiness,
    /// Its traces, if there are any.
    pub tracer: Option<Tracer>,
}
