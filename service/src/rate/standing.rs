//! How a known caller stands: its rate, and for each kind what it has used of it and what it holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::rate::gcra::Whole;
use crate::rate::held::Held;
use crate::rate::quota::Rate;

/// How a caller stands. It survives a change of the caller's keys, so that no change gives a fresh quota.
#[derive(Debug, Default)]
pub struct Standing {
    rate: Option<Rate>,
    kinds: Box<[OfKind]>,
}

#[derive(Debug, Default)]
struct OfKind {
    whole: AtomicU64,
    held: Arc<Held>,
}

impl Standing {
    /// That of a caller who has sent nothing yet, for this many kinds.
    pub(super) fn new(rate: Option<Rate>, kinds: usize) -> Self {
        Self { rate, kinds: (0..kinds).map(|_| OfKind::default()).collect() }
    }

    /// The caller's rate, if it is limited.
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// What it holds of this kind.
    pub(super) fn held(&self, kind: usize) -> Option<&Arc<Held>> {
        self.kinds.get(kind).map(|of_kind| &of_kind.held)
    }

    /// When its quota of this kind is whole.
    pub(super) fn whole(&self, kind: usize) -> Whole {
        self.kinds.get(kind).map_or(0, |of_kind| of_kind.whole.load(Ordering::Relaxed))
    }

    /// Changes that in one step. An error changes nothing.
    pub(super) fn change(&self, kind: usize, change: impl Fn(Whole) -> Result<Whole, u64>) -> Result<(), u64> {
        let Some(OfKind { whole, .. }) = self.kinds.get(kind) else { return Ok(()) };
        let mut before = whole.load(Ordering::Relaxed);
        loop {
            match whole.compare_exchange_weak(before, change(before)?, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => before = other,
            }
        }
    }
}
