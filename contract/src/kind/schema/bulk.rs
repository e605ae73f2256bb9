//! Many records of a schema's kind in one body: a JSON array, or lines of JSON (NDJSON). Each is judged as it would be
//! alone, with the same messages.

use super::parser::{self, Unread};
use super::record::SchemaRecord;
use super::schema_kind::{SchemaKind, too_deep};
use crate::kind::bulk::{BulkElements, BulkError, BulkFormat, BulkLimits};
use crate::kind::errors::FieldErrors;

/// The records of a body, in turn.
pub struct SchemaBulk {
    kind: &'static SchemaKind,
    body: Vec<u8>,
    elements: BulkElements,
}

impl SchemaBulk {
    /// The bulk in this body.
    pub fn new(kind: &'static SchemaKind, body: Vec<u8>, format: BulkFormat, limits: BulkLimits) -> Self {
        Self { kind, body, elements: BulkElements::new(kind.name(), kind.plural(), format, limits) }
    }

    /// Searches for the next record for a moment. Returns whether the search is over; until then, other work may be
    /// done.
    pub fn search(&mut self) -> bool {
        self.elements.search(&self.body)
    }

    /// How many bytes have been searched so far.
    pub fn searched(&self) -> usize {
        self.elements.searched()
    }

    /// The next record, or what is wrong with the element in its place; `None` at the end.
    ///
    /// # Errors
    /// When the body as a whole is rejected; then its earlier records do not count either.
    pub fn next_record(&mut self) -> Result<Option<Result<SchemaRecord<'_>, FieldErrors>>, BulkError> {
        let element = match self.elements.next(&self.body)? {
            Some(Ok(element)) => element,
            Some(Err(errors)) => return Ok(Some(Err(errors))),
            None => return Ok(None),
        };
        let value = parser::trimmed(&self.body[element]);
        match parser::parse(value) {
            Ok(parsed) => Ok(Some(self.kind.judge_parsed(value, parsed))),
            Err(Unread::Broken(how)) => self.elements.broken_json(&how),
            Err(Unread::TooDeep) => Ok(Some(Err(too_deep()))),
        }
    }
}
