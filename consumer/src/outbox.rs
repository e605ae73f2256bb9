//! Records that are fetched and decoded, and not handed to the pipeline yet. They are handed on together: to wake the
//! pipeline for each of them costs more than all the rest of a record's way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::decode::Decoded;

/// As many records are handed on together at most.
const MAX_RECORDS: usize = 100;

/// Filled by the fetcher; what is in it belongs to nobody else yet.
pub(crate) struct Outbox {
    gathered: Mutex<Vec<Decoded>>,
    /// It needs no bound of its own: each record has taken its bytes from the budget before.
    records: mpsc::UnboundedSender<Vec<Decoded>>,
}

impl Outbox {
    /// An empty one, and where the pipeline receives.
    pub(crate) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Vec<Decoded>>) {
        let (records, received) = mpsc::unbounded_channel();
        (Arc::new(Self { gathered: Mutex::default(), records }), received)
    }

    /// Adds a record, and hands all on if there are enough. Returns false if the pipeline is gone.
    pub(crate) fn add(&self, record: Decoded) -> bool {
        let mut gathered = self.gathered();
        gathered.push(record);
        let is_full = gathered.len() >= MAX_RECORDS;
        drop(gathered);
        !is_full || self.hand_on()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.gathered().is_empty()
    }

    /// Hands on what there is. Returns false if the pipeline is gone.
    pub(crate) fn hand_on(&self) -> bool {
        let gathered = std::mem::take(&mut *self.gathered());
        gathered.is_empty() || self.records.send(gathered).is_ok()
    }

    fn gathered(&self) -> MutexGuard<'_, Vec<Decoded>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
