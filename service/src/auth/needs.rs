//! What a route asks of its callers.

/// What a caller must have to use a route, where a service asks for credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: everybody may use it.
    Nothing,
    /// Any credential that is known.
    Caller,
    /// One that may use this kind of record.
    Kind(&'static str),
}
