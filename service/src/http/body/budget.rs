//! The bytes that all clients together may make a service hold: bodies on their way in and, on their way out,
//! answers to bulks, which may be larger than the bulks.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Registry;
use crate::metrics::Metric;

/// How many bytes are held.
pub(super) const BYTES: Metric = Metric::gauge(
    "ingest_body_buffer_bytes",
    "Bytes held by bulks until Kafka or the database has them, by answers whose size is that of contents, and by other \
     bodies that do not come in one piece",
);

/// How many may be held.
pub(super) const BYTES_LIMIT: Metric = Metric::gauge(
    "ingest_body_buffer_bytes_limit",
    "Limit of ingest_body_buffer_bytes (BODY_BUFFER_BYTES); beyond it a request gets 503",
);

/// The budget that all shares are taken from.
pub struct BodyBudget {
    bytes: Arc<Semaphore>,
    all: usize,
}

/// A part of the budget, given back when it is dropped.
#[derive(Default)]
pub struct Share(Option<OwnedSemaphorePermit>);

/// There are not this many bytes free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BufferFull;

impl BodyBudget {
    /// A budget of this many bytes, which the metrics show.
    pub fn new(all: usize, registry: &Registry) -> Self {
        let bytes = Arc::new(Semaphore::new(all));
        let free = Arc::clone(&bytes);
        registry.observe(&BYTES, move |rows| rows.row(&[], all.saturating_sub(free.available_permits()) as f64));
        registry.gauge(&BYTES_LIMIT, &[]).set(all as f64);
        Self { bytes, all }
    }

    /// Makes the share larger by this many bytes.
    ///
    /// # Errors
    /// When they are not free.
    pub fn add(&self, share: &mut Share, more: usize) -> Result<(), BufferFull> {
        let more = u32::try_from(more).map_err(|_| BufferFull)?;
        let more = Arc::clone(&self.bytes).try_acquire_many_owned(more).map_err(|_| BufferFull)?;
        match &mut share.0 {
            Some(permit) => permit.merge(more),
            None => share.0 = Some(more),
        }
        Ok(())
    }

    /// Makes the share this large, or as large as the whole budget if that is smaller: so everything fits at some time.
    ///
    /// # Errors
    /// When the bytes that it lacks are not free.
    pub fn resize(&self, share: &mut Share, bytes: usize) -> Result<(), BufferFull> {
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
        let budget = BodyBudget::new(100, &Registry::new(&[&[BYTES, BYTES_LIMIT]]));
        let mut share = Share::default();
        for (resized, held) in [(10, 10), (60, 60), (60, 60), (20, 20), (0, 0), (5, 5), (1_000, 100)] {
            assert!(budget.resize(&mut share, resized).is_ok());
            assert_eq!((share.bytes(), budget.bytes.available_permits()), (held, 100 - held));
        }
        let mut another = Share::default();
        assert_eq!(budget.add(&mut another, 1), Err(BufferFull));
        drop(share);
        assert!(budget.add(&mut another, 1).is_ok());
    }
}
