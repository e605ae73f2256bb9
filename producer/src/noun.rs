//! The words for a record of each kind, as clients read them.

use contract::{Kind, Write};

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
    pub(crate) fn of(kind: Kind) -> Self {
        let (one, many) = (kind.name(), kind.plural());
        match kind.write() {
            Write::Insert => Self { one, many, again: " with the same Idempotency-Key" },
            // It is the state of its key: sent again, it replaces itself.
            Write::Upsert => Self { one, many, again: "" },
        }
    }
}
