//! What a process does.

/// What a process does. Each of them sweeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// It serves the API and the page.
    pub api: bool,
    /// It works on submissions.
    pub worker: bool,
}

impl Roles {
    /// The API, the page and a worker.
    pub const ALL: Self = Self { api: true, worker: true };
    /// The API and the page alone.
    pub const API: Self = Self { api: true, worker: false };
    /// A worker alone.
    pub const WORKER: Self = Self { api: false, worker: true };
}
