//! A line of the audit log.

use serde::Serialize;

/// What became of the records of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Records that were accepted: their client is answered so.
    pub accepted: usize,
    /// Records that were not, and are not stored.
    pub rejected: usize,
    /// Records of which nobody knows whether they are stored.
    pub unknown: usize,
    /// The trace that they belong to.
    pub trace: Option<contract::trace_context::TraceId>,
}

/// The line, without its end.
#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    pub(super) time: String,
    pub(super) caller: Option<&'a str>,
    pub(super) address: String,
    pub(super) method: &'a str,
    pub(super) route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'a str>,
    /// `None` when the request was cut off before it was answered.
    pub(super) status: Option<u16>,
    /// Why no handler saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) denied: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) records: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) accepted: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rejected: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<&'a str>,
}

impl Line<'_> {
    /// The same line with these figures.
    pub(super) fn with(mut self, outcome: Option<Outcome>) -> Self {
        if let Some(Outcome { accepted, rejected, unknown, trace }) = outcome {
            self.records = Some(accepted + rejected + unknown);
            (self.accepted, self.rejected, self.unknown) = (Some(accepted), Some(rejected), Some(unknown));
            self.trace_id = trace.map(|trace| trace.to_string());
        }
        self
    }

    /// Its bytes, with a line feed, which is the only one: JSON escapes all others.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}
