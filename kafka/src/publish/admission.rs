//! How many records may await acknowledgement. This bounds every queue of a publisher, and says at once when there is
//! no room.

use std::sync::Arc;

use service::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::PublishConfig;
use super::error::PublishError;
use super::metrics::{IN_FLIGHT, IN_FLIGHT_LIMIT};

/// Admits records to a publisher. A permit is held until the record's fate is known, even if nobody waits for it
/// anymore.
pub(super) struct Admission {
    permits: Arc<Semaphore>,
    max_in_flight: usize,
}

impl Admission {
    /// Shows in the metrics how many are admitted.
    pub(super) fn new(config: &PublishConfig, registry: &Registry) -> Self {
        let (permits, max_in_flight) = (Arc::new(Semaphore::new(config.max_in_flight)), config.max_in_flight);
        let (observed, kind) = (Arc::clone(&permits), config.kind);
        registry.observe(&IN_FLIGHT, move |rows| rows.row(&[kind], taken(&observed, max_in_flight) as f64));
        registry.gauge(&IN_FLIGHT_LIMIT, &[kind]).set(max_in_flight as f64);
        Self { permits, max_in_flight }
    }

    /// Admits one record.
    ///
    /// # Errors
    /// Full.
    pub(super) fn one(&self) -> Result<OwnedSemaphorePermit, PublishError> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| PublishError::Full)
    }

    /// Admits this many records, or none.
    ///
    /// # Errors
    /// Full.
    pub(super) fn all(&self, records: usize) -> Result<OwnedSemaphorePermit, PublishError> {
        let permits = u32::try_from(records).map_err(|_| PublishError::Full)?;
        Arc::clone(&self.permits).try_acquire_many_owned(permits).map_err(|_| PublishError::Full)
    }

    /// Records that are admitted.
    pub(super) fn in_flight(&self) -> usize {
        taken(&self.permits, self.max_in_flight)
    }

    /// The most records that can be admitted.
    pub(super) fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }
}

/// How many permits are taken.
fn taken(permits: &Semaphore, all: usize) -> usize {
    all - permits.available_permits().min(all)
}
