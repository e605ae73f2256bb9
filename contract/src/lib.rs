//! What crosses the wire, in one place for all crates: a post and its rules, its id, its Kafka record, its MongoDB
//! document and how one becomes the other, its dead letter, its trace context, and the answer to it. Everything here is
//! pure: no IO, no clock, no async, and neither Kafka's nor MongoDB's client.

pub mod created;
pub mod dead_letter;
pub mod decode;
pub mod document;
mod fetched;
pub mod id;
pub mod post;
pub mod record;
pub mod trace_context;

pub use dead_letter::DeadLetter;
pub use fetched::Fetched;
pub use id::{BulkIds, PostId};
pub use post::{Bulk, BulkError, BulkFormat, BulkLimits, FieldError, FieldErrors, Parser, Post};
pub use trace_context::TraceContext;
