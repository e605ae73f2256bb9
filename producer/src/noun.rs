//! The words for a record of each kind, as clients read them.

use contract::Kind;

/// What a record of a kind is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Noun {
    /// One of them.
    pub(crate) one: &'static str,
    /// Several of them.
    pub(crate) many: &'static str,
    /// How a client sends one again without storing it twice, after `try again`.
    pub(crate) again: &'static str,
}

impl Noun {
    /// The words of this kind.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Post => Self { one: "post", many: "posts", again: " with the same Idempotency-Key" },
            // Its id is its key: sent again, it replaces itself.
            Kind::Order => Self { one: "order", many: "orders", again: "" },
        }
    }
}
