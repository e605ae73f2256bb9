//! What is wrong with the body of a record of any kind: one message per field, all of them at once.

use std::fmt;

/// Everything that is wrong with one body, one message per field; never empty.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct FieldErrors {
    errors: Vec<FieldError>,
    #[serde(skip)]
    is_of_body: bool,
}

/// One error: the field (`body` if it is about the whole body) and what it must be. Where fields can be nested, a field
/// is named by its JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field's name or JSON pointer, or `body`.
    pub field: String,
    /// What is wrong, in words that follow the field's name.
    pub message: String,
}

impl FieldErrors {
    pub(super) fn of_body(message: String) -> Self {
        Self { errors: vec![FieldError { field: "body".to_owned(), message }], is_of_body: true }
    }

    /// What is wrong with the fields, in alphabetical order.
    pub(super) fn of_fields(errors: Vec<FieldError>) -> Self {
        Self { errors, is_of_body: false }
    }

    /// JSON that is broken in this way.
    pub(super) fn of_broken_json(how: &str) -> Self {
        Self::of_body(format!("is not valid JSON: {how}"))
    }

    /// Broken JSON within an array, which rejects all of it. A byte's position in `how` is that within the element.
    pub(super) fn of_broken_element(how: &str, noun: &str, position: usize) -> Self {
        Self::of_body(format!("is not valid JSON: {how} in the {noun} at position {position}"))
    }

    /// The errors, in alphabetical order of the fields.
    pub fn iter(&self) -> impl Iterator<Item = &FieldError> {
        self.errors.iter()
    }

    /// The first error, and if there are others, one of the body that says so.
    pub fn abridged(&self) -> Self {
        let mut errors: Vec<FieldError> = self.errors.iter().take(1).cloned().collect();
        if self.errors.len() > 1 {
            let message = "has more errors: send this record alone to see them".to_owned();
            errors.push(FieldError { field: "body".to_owned(), message });
        }
        Self { errors, is_of_body: self.is_of_body }
    }

    /// Writes them as a JSON array of objects.
    pub fn encode(&self, json: &mut Vec<u8>) {
        simd_json::serde::to_writer(json, self).expect("writing strings into memory cannot fail");
    }

    /// True when the bytes cannot be read as an object, false when its fields break the rules.
    pub fn is_of_body(&self) -> bool {
        self.is_of_body
    }
}

impl From<garde::Report> for FieldErrors {
    fn from(report: garde::Report) -> Self {
        let error = |(path, error): &(garde::Path, garde::Error)| FieldError {
            field: path.to_string(),
            message: error.message().to_owned(),
        };
        Self::of_fields(report.iter().map(error).collect())
    }
}

impl fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", error.field, error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldErrors {}
