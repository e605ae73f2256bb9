//! The description of the producer's HTTP interface as it is checked in, so that a changed route shows as a diff.

use contract::Kind;

/// Where it is.
pub const SNAPSHOT: &str = "docs/openapi.json";

/// What it should be: the document of a producer that serves the built-in kinds.
pub fn current() -> String {
    producer::openapi(&Kind::BUILT_IN)
}
