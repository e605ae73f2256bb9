//! What the page is bound by.

use std::time::Duration;

/// Limits and thresholds, which scripts need, too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// `MAX_CONTENT_CHARS`: the longest content, in characters.
    pub(crate) max_chars: usize,
    /// Rows of a list.
    pub(crate) rows: u32,
    /// `STUCK_AFTER`: what is in PROCESSING for longer than this is stuck.
    pub(crate) stuck_after: Duration,
    /// A worker that is silent for longer is marked.
    pub(crate) silence: Duration,
}
