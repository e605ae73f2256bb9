//! Exit codes, and the error that chooses among them.

use std::fmt;

pub(crate) use service::exit::{FAILED, UNUSABLE};

/// Ended by SIGINT, as shells report it.
pub(crate) const INTERRUPTED: i32 = 130;
/// Nothing failed, but a soak was too short to show whether anything grows.
pub(crate) const CANNOT_TELL: u8 = 98;
/// A threshold or the ledger failed.
pub(crate) const THRESHOLD_FAILED: u8 = 99;

/// Arguments or settings that cannot be used: every error on a line of its own.
#[derive(Debug)]
pub(crate) struct Unusable(pub(crate) String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}
