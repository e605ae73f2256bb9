//! The bound of all records held in memory, in bytes: from the fetch until they are stored or dropped.

use std::sync::Arc;
use std::time::Duration;

use service::Registry;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

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

    /// Takes bytes for a record, waiting at most `wait`. A record larger than the whole budget passes when it is the only
    /// one. Returns false if there is no room yet.
    pub(crate) fn take(&self, bytes: usize, wait: Duration, runtime: &Handle) -> bool {
        let wanted = u32::try_from(bytes.min(self.all)).unwrap_or(u32::MAX);
        let permit = match self.free.try_acquire_many(wanted) {
            Ok(permit) => Some(permit),
            Err(_) => runtime
                .block_on(async { tokio::time::timeout(wait, self.free.acquire_many(wanted)).await })
                .ok()
                .and_then(Result::ok),
        };
        permit.map(tokio::sync::SemaphorePermit::forget).is_some()
    }

    /// Gives back what was taken for one record of this size.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.free.add_permits(bytes.min(self.all));
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
        assert!(budget.take(60, wait, handle));
        assert!(!budget.take(60, wait, handle));
        assert!(budget.take(40, wait, handle));
        budget.give_back(60);
        budget.give_back(40);
        assert!(budget.take(1000, wait, handle), "larger than all, but alone");
        budget.give_back(1000);
        assert!(budget.take(100, wait, handle));
    }
}
