//! Kinds of a JSON Schema: a file says what the kind is called, where its records go, and what is valid
//! ([`mod@file`]). The schema is compiled once; each record is then parsed by a parser of its own ([`parser`]), judged
//! by the validator without a copy ([`node`]) and written as a document ([`document`]). The producer, the consumer and
//! the commands all judge here.

mod bulk;
mod dates;
mod document;
mod errors;
mod faults;
mod file;
mod key;
mod kind_error;
mod messages;
mod node;
mod number;
mod parser;
mod places;
mod pointer;
mod record;
mod rules;
mod schema_kind;
mod stored;
mod tree;

pub use bulk::SchemaBulk;
pub use kind_error::KindError;
pub use record::SchemaRecord;
pub use schema_kind::SchemaKind;

#[cfg(test)]
mod tests;
