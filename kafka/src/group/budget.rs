//! The bound of all records held in memory, in bytes: from the fetch until they are finished or dropped. Shared by the
//! two halves of a member; its value is all that they share beside the stream of deliveries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are held. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budget {
    held: Arc<AtomicUsize>,
    limit: usize,
}

impl Budget {
    /// An empty budget; `limit` is in bytes.
    pub fn new(limit: usize) -> Self {
        Self { held: Arc::default(), limit }
    }

    /// Whether another record may be fetched. The question comes before the record, so one record may exceed the limit,
    /// however large it is: no fetched record is ever held back.
    pub fn has_room(&self) -> bool {
        self.held() < self.limit
    }

    /// Whether enough is free again to continue after a pause: half of the budget, because each pause throws away what
    /// was fetched ahead.
    pub fn has_recovered(&self) -> bool {
        self.held() <= self.limit / 2
    }

    /// A record of this size is fetched.
    pub fn take(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A record of this size is finished or dropped.
    pub fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes that may be held.
    pub fn limit(&self) -> usize {
        self.limit
    }
}
