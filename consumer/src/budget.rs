//! The bound of all records held in memory, in bytes: from the fetch until they are stored or dropped.

use std::sync::Arc;
use std::time::Duration;

use service::Registry;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes that may be held; shared by the fetcher, which takes, and the pipeline, which gives back.
#[derive(Clone)]
pub(crate) struct Budget {
    free: Arc<Semaphore>,
    all: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        let all = bytes.min(u32::MAX as usize);
        Self { free: Arc::new(Semaphore::new(all)), all }
    }

    /// Shows in the metrics how many bytes are held.
    pub(crate) fn publish(&self, registry: &Registry) {
        let Self { free, all } = self.clone();
        registry.observe("ingest_buffered_bytes", "Bytes of all records held in memory", &[], move || {
            (all - free.available_permits()) as f64
        });
        let limit = "Bytes of all records that may be held in memory";
        registry.observe("ingest_buffered_bytes_limit", limit, &[], move || all as f64);
    }

    /// Takes bytes for a record; false if there is no room now. A record larger than the whole budget passes when it is the
    /// only one.
    pub(crate) fn take_at_once(&self, bytes: usize) -> bool {
        self.free.try_acquire_many(self.share(bytes)).map(SemaphorePermit::forget).is_ok()
    }

    /// The same, waiting at most `wait` for room.
    pub(crate) fn take(&self, bytes: usize, wait: Duration, runtime: &Handle) -> bool {
        let room = self.free.acquire_many(self.share(bytes));
        let room = runtime.block_on(async { tokio::time::timeout(wait, room).await });
        room.ok().and_then(Result::ok).map(SemaphorePermit::forget).is_some()
    }

    /// Gives back what was taken for records of these sizes.
    pub(crate) fn give_back(&self, bytes: impl Iterator<Item = usize>) {
        self.free.add_permits(bytes.map(|bytes| self.share(bytes) as usize).sum());
    }

    fn share(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.all)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let handle = runtime.handle();
        let budget = Budget::new(100);
        let wait = Duration::from_millis(1);
        assert!(budget.take_at_once(60));
        assert!(!budget.take_at_once(60));
        assert!(!budget.take(60, wait, handle));
        assert!(budget.take(40, wait, handle));
        budget.give_back([60, 40].into_iter());
        assert!(budget.take_at_once(1000), "larger than all, but alone");
        budget.give_back([1000].into_iter());
        assert!(budget.take(100, wait, handle));
    }
}
