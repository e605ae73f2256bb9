//! Why the file does not answer, as an error of the store.

use crate::store::StoreError;

pub(super) fn error(error: rusqlite::Error) -> StoreError {
    StoreError(error.to_string())
}

/// The answer to a call that comes after the end.
pub(super) fn closed() -> StoreError {
    StoreError("the database is closed".to_owned())
}
