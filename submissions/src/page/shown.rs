//! A submission as texts. `page/src/shown.ts` makes the same ones, so that scripts can change them; the examples in
//! `page/tests/shown.json` hold both to it.

use std::time::Duration;

use serde::Serialize;
use service::html::without_unfit;

use crate::form::with_single_line_ends;
use crate::page::span::span;
use crate::status::Status;
use crate::submission::Submission;
use crate::time::rfc3339;

/// The longest excerpt, in characters.
const EXCERPT_CHARS: usize = 120;

/// The texts, each by the name that the elements have which show it. What is `None` is hidden.
#[derive(Debug, Default, Serialize)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) content: String,
    /// The start of the content, on one line.
    pub(super) excerpt: String,
    /// The time in the status.
    pub(super) since: String,
    pub(super) stuck: Option<&'static str>,
    pub(super) attempts: String,
    pub(super) reason: Option<String>,
    pub(super) cached: Option<&'static str>,
    pub(super) created: String,
    /// How often it was retried by hand.
    pub(super) retried: Option<String>,
    /// Attempts that ended without a verdict.
    pub(super) setbacks: Option<String>,
    /// The last attempt.
    pub(super) began: Option<String>,
    pub(super) changed: String,
    /// From the submission to the end.
    pub(super) took: Option<String>,
}

impl Shown {
    /// The texts at this time, in milliseconds since 1970; what is PROCESSING for longer than `stuck_after` is stuck.
    pub(super) fn at(now: i64, submission: &Submission, stuck_after: Duration) -> Self {
        let Submission { status, series, begun, failures, losses, .. } = submission;
        let since = now - submission.changed_at;
        let is_stuck = *status == Status::Processing && i128::from(since) > stuck_after.as_millis() as i128;
        let counted = [(*failures, "failed"), (*losses, "lost")].into_iter().filter(|(count, _)| *count > 0);
        let mut attempts = vec![begun.to_string()];
        attempts.extend(counted.map(|(count, word)| format!("{count} {word}")));
        attempts.extend((*series > 1).then(|| format!("series {series}")));
        let failed = (*failures > 0).then(|| format!("{} failed or took too long", plural(*failures, "attempt")));
        let lost = (*losses > 0).then(|| format!("{} lost the worker", plural(*losses, "attempt")));
        let setbacks: Vec<String> = [failed, lost].into_iter().flatten().collect();
        let began = submission.started_at.filter(|_| *begun > 0);
        Self {
            id: submission.id.to_string(),
            status: status.as_str(),
            content: without_unfit(&with_single_line_ends(&submission.content)),
            excerpt: excerpt(&submission.content),
            since: span(since),
            stuck: is_stuck.then_some("stuck"),
            attempts: attempts.join(", "),
            reason: submission.reason.as_deref().map(without_unfit),
            cached: submission.is_cached.then_some("from the cache"),
            created: time(submission.created_at),
            retried: (*series > 1).then(|| format!("{}, so this is series {series}", plural(series - 1, "time"))),
            setbacks: (!setbacks.is_empty()).then(|| setbacks.join(", ")),
            began: began.map(|at| format!("{}, attempt {begun}", time(at))),
            changed: time(submission.changed_at),
            took: submission.processed_at.map(|at| span(at - submission.created_at)),
        }
    }
}

/// The start of a content, on one line.
fn excerpt(content: &str) -> String {
    let line = content.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = without_unfit(&line);
    match line.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A time in milliseconds since 1970 to the second, as in `2026-11-28 12:00:03 UTC`.
fn time(at: i64) -> String {
    let text = rfc3339(at);
    format!("{} UTC", text.get(..19).unwrap_or(&text).replace('T', " "))
}

fn plural(count: i32, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
