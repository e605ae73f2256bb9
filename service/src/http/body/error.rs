//! Why a body is not read.

use super::budget::BufferFull;

/// Why a body is not read to its end. The rest of it stays unread, so the connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is larger than this many bytes.
    TooLarge(usize),
    /// It did not arrive in time.
    Slow,
    /// Its transfer broke off.
    Broken,
    /// It is encoded, and only these codings are taken.
    Coding(&'static str),
    /// It is not what this coding makes, or has a window of more than 8 MiB.
    Undecodable(&'static str),
    /// All bodies together hold too many bytes.
    BufferFull,
}

impl From<BufferFull> for BodyError {
    fn from(BufferFull: BufferFull) -> Self {
        BodyError::BufferFull
    }
}
