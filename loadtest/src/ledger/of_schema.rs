//! The records of a kind of a schema in a run: what each is, and how it is recognised wherever it is found.

use bson::RawDocument;
use serde_json::Value;

use super::draws::is_within;
use super::mix::mix;
use super::plan::RunPlan;
use super::post::bodies::PlannedPost;
use super::schema_bodies::json::Json;
use super::schema_bodies::{Run, SchemaBodies};

const RETRY_SALT: u64 = 0x7f4a_7c15_9e37_79b9;

/// The records of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SchemaRecords {
    bodies: &'static SchemaBodies,
    run: Run,
}

impl SchemaRecords {
    /// The records of this plan; `None` if its kind is a built-in one.
    pub(crate) fn of(plan: &RunPlan) -> Option<Self> {
        let run = Run { id: plan.run, seed: plan.seed, shape: plan.shape, is_bulk: plan.bulk > 1 };
        Some(Self { bodies: plan.bodies?, run })
    }

    /// Record `n` with this key, if records have keys, as it is sent.
    pub(crate) fn record(&self, n: u64, key: &str) -> PlannedPost {
        let body = self.bodies.body(self.run, n, key);
        PlannedPost { body: body.text, is_invalid: body.said.is_none(), is_retried: self.is_retried(n) }
    }

    /// What record `n` says; `None` if it breaks a rule, so that it must not be stored.
    pub(crate) fn said(&self, n: u64, key: &str) -> Option<Json> {
        self.bodies.body(self.run, n, key).said
    }

    /// Whether record `n` breaks a rule.
    pub(crate) fn breaks_rule(&self, n: u64) -> bool {
        self.bodies.breaks_rule(self.run, n)
    }

    /// What record `n` says as JSON, plainly written.
    pub(crate) fn shown(&self, n: u64, key: &str) -> Option<String> {
        self.said(n, key).map(|said| said.plain())
    }

    /// Whether a record's value is record `n`, byte for byte but for blanks around it; any value is one that breaks a
    /// rule, because there is nothing to compare it with.
    pub(crate) fn is_as_sent(&self, n: u64, key: &str, value: &[u8]) -> bool {
        let body = self.bodies.body(self.run, n, key);
        body.said.is_none() || body.text.trim_ascii() == value.trim_ascii()
    }

    /// The text at the marker of a document.
    pub(crate) fn marker_of_document<'a>(&self, document: &'a RawDocument) -> Option<&'a str> {
        let (last, path) = self.bodies.marker().split_last()?;
        let inner = path.iter().try_fold(document, |document, name| document.get_document(name).ok())?;
        inner.get_str(last).ok()
    }

    /// The number in the marker of a document, if it is of this run.
    pub(crate) fn number_of_document(&self, document: &RawDocument) -> Option<u64> {
        self.run.id.number_in(self.marker_of_document(document)?)
    }

    /// The number in the marker of a record's value, if it is of this run, and its key.
    pub(crate) fn parts_of_value(&self, value: &[u8]) -> (Option<u64>, Option<String>) {
        let Ok(value) = serde_json::from_slice::<Value>(value) else { return (None, None) };
        let n = text_at(&value, self.bodies.marker()).and_then(|marker| self.run.id.number_in(marker));
        let key = self.bodies.key().and_then(|path| text_at(&value, path));
        (n, key.map(str::to_owned))
    }

    fn is_retried(&self, n: u64) -> bool {
        is_within(mix(mix(self.run.seed ^ mix(n)) ^ RETRY_SALT), self.run.shape.retry_share)
    }
}

fn text_at<'a>(value: &'a Value, path: &[String]) -> Option<&'a str> {
    path.iter().try_fold(value, |value, name| value.get(name))?.as_str()
}

#[cfg(test)]
pub(crate) mod tests;
