//! What the page is bound by.

use std::time::Duration;

/// The most bytes of a character in a form: four, each of them escaped.
const ESCAPED_CHAR: usize = 12;

/// What a form has beside the content: its key, and the names of both.
const OTHER_BYTES: usize = 4096;

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

impl Limits {
    /// The largest form with a content that can be accepted, in bytes.
    pub(super) fn form_bytes(&self) -> usize {
        self.max_chars * ESCAPED_CHAR + OTHER_BYTES
    }
}
