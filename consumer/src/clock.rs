//! The time of day, which dates of records are compared with.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time now, in ms since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().try_into().unwrap_or(i64::MAX)
}
