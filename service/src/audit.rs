//! Who did what: a line of JSON for each request for a record, written before its answer. It never shows contents, ids
//! of records or credentials.

mod file;
mod line;
mod log;
mod unwritten;
mod visit;

pub use line::Outcome;
pub use log::Target;
pub(crate) use log::{AuditLog, LATE_ANSWERS, LINES, LINES_LOST};
pub(crate) use visit::{Asked, Visit, denied};
