//! What bodies cannot be drawn for.

use std::fmt;

/// Something in a schema that bodies cannot be drawn for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsupported {
    /// The JSON pointer of the keyword, or of the schema that leaves no value.
    pub(crate) pointer: String,
    pub(crate) why: String,
}

impl Unsupported {
    pub(super) fn new(pointer: &str, why: &str) -> Self {
        Self { pointer: pointer.to_owned(), why: why.to_owned() }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "the schema" } else { &self.pointer };
        write!(f, "{pointer} {}", self.why)
    }
}
