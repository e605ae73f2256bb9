//! A line of the audit log, as far as it is compared.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::error::Category;

use crate::ledger::post::RunId;

/// The most characters of a line that a finding shows.
const SHOWN: usize = 1_000;

/// A line of a request of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogLine {
    /// The number of the request's first record.
    pub(super) n: u64,
    pub(super) attempt: usize,
    /// Zero where no handler saw the request.
    pub(super) accepted: u64,
    pub(super) rejected: u64,
    pub(super) unknown: u64,
}

/// Why a line cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It ends before its end.
    Half,
    /// It is something else.
    Broken,
}

#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    request_id: Option<Cow<'a, str>>,
    #[serde(default)]
    accepted: u64,
    #[serde(default)]
    rejected: u64,
    #[serde(default)]
    unknown: u64,
}

impl LogLine {
    /// Reads a line; `None` if it is not of this run.
    ///
    /// # Errors
    /// When it cannot be read. A line of the run that names no request cannot be read either.
    pub(super) fn read(bytes: &[u8], run: RunId) -> Result<Option<Self>, Unreadable> {
        let read: Read<'_> = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            Category::Eof if bytes.starts_with(b"{") => Unreadable::Half,
            _ => Unreadable::Broken,
        })?;
        let Read { request_id, accepted, rejected, unknown } = read;
        let Some(rest) = request_id.as_deref().and_then(|id| id.strip_prefix(&format!("{run}-"))) else {
            return Ok(None);
        };
        let parts = rest.split_once('-').and_then(|(n, attempt)| Some((n.parse().ok()?, attempt.parse().ok()?)));
        let (n, attempt) = parts.ok_or(Unreadable::Broken)?;
        Ok(Some(Self { n, attempt, accepted, rejected, unknown }))
    }
}

/// A line as text, cut if it is long.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(SHOWN).collect()
}
