//! The result of a flush's try, in numbers.

/// What became of a batch's records in one try.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) stored: u64,
    pub(crate) duplicates: u64,
    pub(crate) superseded: u64,
    pub(crate) expired: u64,
    pub(crate) erased: u64,
    pub(crate) never: u64,
    pub(crate) later: u64,
}
