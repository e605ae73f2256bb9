//! The elements of a bulk of any kind, one at a time and within the limits. What an element says is for its kind's
//! parser.

use std::ops::Range;

use super::errors::FieldErrors;

mod elements;

pub use elements::BulkFormat;
use elements::{Elements, Next};

/// The limits of a bulk.
#[derive(Debug, Clone, Copy)]
pub struct BulkLimits {
    /// The most elements, valid or not.
    pub records: usize,
    /// The most bytes of each. This bounds the memory that the parser takes besides the body.
    pub record_bytes: usize,
}

/// Why a body is not a bulk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkError {
    /// It cannot be read, or holds no element.
    Broken(FieldErrors),
    /// It has more elements than [`BulkLimits::records`].
    TooMany,
}

/// How far a bulk has been read.
pub(super) struct BulkElements {
    /// What a record is called, and what several are.
    nouns: (&'static str, &'static str),
    format: BulkFormat,
    limits: BulkLimits,
    elements: Elements,
    /// How many were found so far.
    count: usize,
}

impl BulkElements {
    /// Starts before the first element of a bulk of records that are called so.
    pub(super) fn new(one: &'static str, many: &'static str, format: BulkFormat, limits: BulkLimits) -> Self {
        Self { nouns: (one, many), format, limits, elements: Elements::new(format), count: 0 }
    }

    /// Searches for the next element for a moment. Returns whether [`Self::next`] has it at once.
    pub(super) fn search(&mut self, body: &[u8]) -> bool {
        self.elements.search(body)
    }

    /// How many bytes have been searched so far.
    pub(super) fn searched(&self) -> usize {
        self.elements.searched()
    }

    /// Where the next element is, or why it is too large to be parsed; `None` at the end.
    pub(super) fn next(&mut self, body: &[u8]) -> Result<Option<Result<Range<usize>, FieldErrors>>, BulkError> {
        let (noun, nouns) = self.nouns;
        let element = match self.elements.next(body) {
            Next::Element(element) => element,
            Next::End if self.count == 0 => return Err(broken(format!("must hold at least one {noun}"))),
            Next::End => return Ok(None),
            Next::NoArray => {
                let lines = "lines of JSON with content-type: application/x-ndjson";
                return Err(broken(format!("must be a JSON array of {nouns}, or {lines}")));
            }
            Next::Broken(message) => return Err(broken(message.to_owned())),
        };
        if self.count == self.limits.records {
            return Err(BulkError::TooMany);
        }
        self.count += 1;
        if element.len() > self.limits.record_bytes {
            let message = format!("must not be larger than {} bytes", self.limits.record_bytes);
            return Ok(Some(Err(FieldErrors::of_body(message))));
        }
        Ok(Some(Ok(element)))
    }

    /// What it means that the last element is broken JSON: in an array the whole body is.
    pub(super) fn broken_json<T>(&self, how: &str) -> Result<Option<Result<T, FieldErrors>>, BulkError> {
        match self.format {
            BulkFormat::Lines => Ok(Some(Err(FieldErrors::of_broken_json(how)))),
            BulkFormat::Array => {
                let errors = FieldErrors::of_broken_element(how, self.nouns.0, self.count - 1);
                Err(BulkError::Broken(errors))
            }
        }
    }
}

fn broken(message: String) -> BulkError {
    BulkError::Broken(FieldErrors::of_body(message))
}
