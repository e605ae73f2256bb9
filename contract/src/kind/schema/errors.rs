//! The errors of one record or of a kind's file, each with the pointer of its value. Those of a record are bounded in
//! number and in length: a client can provoke one for each byte.

use super::kind_error::KindError;
use crate::kind::errors::{FieldError, FieldErrors};

/// The most errors that are named of one record.
const MAX_ERRORS: usize = 20;

/// The most characters of a pointer that is named.
const POINTER_MAX_CHARS: usize = 200;

/// The errors that were found so far.
pub(super) struct Errors {
    named: Vec<KindError>,
    max: usize,
    has_more: bool,
    /// Set if the record is larger than this many bytes, and was not searched for more errors.
    searched_bytes: Option<usize>,
}

impl Errors {
    /// For a record.
    pub(super) fn of_record() -> Self {
        Self { named: Vec::new(), max: MAX_ERRORS, has_more: false, searched_bytes: None }
    }

    /// For a kind's file, in which every error is named.
    pub(super) fn of_file() -> Self {
        Self { max: usize::MAX, ..Self::of_record() }
    }

    /// Adds an error of the value at this pointer, unless there are too many.
    pub(super) fn add(&mut self, pointer: impl Into<String>, message: impl Into<String>) {
        let error = KindError { pointer: pointer.into(), message: message.into() };
        if self.named.contains(&error) {
            return;
        }
        if self.named.len() == self.max {
            self.has_more = true;
            return;
        }
        self.named.push(error);
    }

    /// True when none was found.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// True when no other error is named.
    pub(super) fn are_full(&self) -> bool {
        self.has_more
    }

    /// There may be more: a record of more than this many bytes is not searched for them.
    pub(super) fn may_have_more(&mut self, searched_bytes: usize) {
        self.searched_bytes = Some(searched_bytes);
    }

    /// The errors of a record in alphabetical order, if there are any.
    pub(super) fn into_field_errors(mut self) -> Option<FieldErrors> {
        if self.named.is_empty() {
            return None;
        }
        self.named.sort();
        let field = |pointer: String| match pointer.char_indices().nth(POINTER_MAX_CHARS) {
            _ if pointer.is_empty() => "body".to_owned(),
            Some((end, _)) => format!("{}…", &pointer[..end]),
            None => pointer,
        };
        let named = self.named.into_iter().map(|KindError { pointer, message }| FieldError {
            field: in_one_line(field(pointer)),
            message: in_one_line(message),
        });
        let mut errors: Vec<FieldError> = named.collect();
        if self.has_more {
            let message = format!("has more errors than these {MAX_ERRORS}");
            errors.push(FieldError { field: "body".to_owned(), message });
        } else if let Some(bytes) = self.searched_bytes {
            let message = format!("may have more errors: of more than {bytes} bytes, only the first is named");
            errors.push(FieldError { field: "body".to_owned(), message });
        }
        Some(FieldErrors::of_fields(errors))
    }

    /// Every error of a file, in the order of the pointers.
    pub(super) fn into_kind_errors(mut self) -> Vec<KindError> {
        self.named.sort();
        self.named
    }
}

/// The text with control characters as JSON writes them: a name of a client's own must not break a line of the log.
fn in_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let escaped = |character: char| match character.is_control() {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    };
    text.chars().map(escaped).collect()
}
