//! What crosses the wire, in one place for all crates: the kinds of record and their rules, their ids, their Kafka
//! records, their MongoDB documents and how one becomes the other, their dead letters, their trace context, and the
//! answer to a post. Everything here is pure: no IO, no clock, no async, and neither Kafka's nor MongoDB's client.

pub mod bson_writer;
pub mod created;
pub mod dead_letter;
mod decimal;
pub mod decode;
pub mod document;
mod fetched;
pub mod id;
mod kind;
pub mod place;
pub mod record;
pub mod tombstone;
pub mod trace_context;

pub use dead_letter::DeadLetter;
pub use fetched::Fetched;
pub use id::{BulkIds, PostId, RecordId};
pub use kind::bulk::{BulkError, BulkFormat, BulkLimits};
pub use kind::errors::{FieldError, FieldErrors};
pub use kind::files::{KindFile, read_kinds};
pub use kind::order::{Cents, Order, OrderBulk, OrderStatus};
pub use kind::post::{Bulk, Parser, Post};
pub use kind::schema::{KindError, SchemaBulk, SchemaKind, SchemaRecord};
pub use kind::time::text as time_text;
pub use kind::{FIXED_ROUTES, Kind, Write};
pub use place::Place;
pub use tombstone::Tombstone;
pub use trace_context::TraceContext;
