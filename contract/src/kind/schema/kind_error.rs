//! What is wrong with a kind's file.

use std::fmt;

/// An error of a kind's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KindError {
    /// The JSON pointer of what is wrong; empty for the file as a whole.
    pub pointer: String,
    /// What is wrong, in words that follow the pointer.
    pub message: String,
}

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{} {}", self.pointer, self.message)
        }
    }
}
