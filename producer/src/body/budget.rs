//! The bytes that all clients together may make the producer hold: bodies on their way in and, on their way out,
//! answers to bulks, which may be larger than the bulks.

use std::sync::Arc;

use service::Registry;
use service::metrics::Metric;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rejection::Rejection;

pub(crate) const BYTES: Metric = Metric::gauge(
    "ingest_body_buffer_bytes",
    "Bytes held by bulks, by their answers, and by other bodies that do not come in one piece",
);

pub(crate) const BYTES_LIMIT: Metric = Metric::gauge(
    "ingest_body_buffer_bytes_limit",
    "Limit of ingest_body_buffer_bytes (BODY_BUFFER_BYTES); beyond it a request gets 503",
);

/// The budget that all shares are taken from.
pub(crate) struct BodyBudget {
    bytes: Arc<Semaphore>,
    all: usize,
}

/// A part of the budget, given back when it is dropped.
#[derive(Default)]
pub(crate) struct Share(Option<OwnedSemaphorePermit>);

impl BodyBudget {
    pub(crate) fn new(all: usize, registry: &Registry) -> Self {
        let bytes = Arc::new(Semaphore::new(all));
        let free = Arc::clone(&bytes);
        registry.observe(&BYTES, move |rows| rows.row(&[], all.saturating_sub(free.available_permits()) as f64));
        registry.gauge(&BYTES_LIMIT, &[]).set(all as f64);
        Self { bytes, all }
    }

    /// Makes the share larger by this many bytes, if they are free.
    pub(crate) fn add(&self, share: &mut Share, more: usize) -> Result<(), Rejection> {
        let more = u32::try_from(more).map_err(|_| Rejection::BufferFull)?;
        let more = Arc::clone(&self.bytes).try_acquire_many_owned(more).map_err(|_| Rejection::BufferFull)?;
        match &mut share.0 {
            Some(permit) => permit.merge(more),
            None => share.0 = Some(more),
        }
        Ok(())
    }

    /// Makes the share this large, or as large as the whole budget if that is smaller: so everything fits at some time.
    pub(crate) fn resize(&self, share: &mut Share, bytes: usize) -> Result<(), Rejection> {
        let (held, bytes) = (share.bytes(), bytes.min(self.all));
        match &mut share.0 {
            Some(permit) if bytes < held => drop(permit.split(held - bytes)),
            _ => self.add(share, bytes - held)?,
        }
        Ok(())
    }
}

impl Share {
    fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_held_is_free() {
        let budget = BodyBudget::new(100, &Registry::new(crate::METRICS));
        let mut share = Share::default();
        for (resized, held) in [(10, 10), (60, 60), (60, 60), (20, 20), (0, 0), (5, 5), (1_000, 100)] {
            assert!(budget.resize(&mut share, resized).is_ok());
            assert_eq!((share.bytes(), budget.bytes.available_permits()), (held, 100 - held));
        }
        let mut another = Share::default();
        assert!(matches!(budget.add(&mut another, 1), Err(Rejection::BufferFull)));
        drop(share);
        assert!(budget.add(&mut another, 1).is_ok());
    }
}
