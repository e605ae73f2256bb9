//! The driver's connections to the store, as the metrics show them: counted from the events of each client's pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use service::Registry;
use service::metrics::Metric;

/// The connections.
pub(crate) const CONNECTIONS: Metric =
    Metric::gauge("ingest_store_connections", "Connections to the store, by state: in_use, idle").labelled(&["state"]);

/// The connections of all clients of this process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct StorePool {
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    open: AtomicI64,
    in_use: AtomicI64,
}

impl StorePool {
    /// No connections yet; the metrics show them from now on.
    pub(crate) fn new(registry: &Registry) -> Self {
        let pool = Self::default();
        let counts = Arc::clone(&pool.counts);
        registry.observe(&CONNECTIONS, move |rows| {
            let in_use = counts.in_use.load(Ordering::Relaxed);
            // The two counts are not read at the same moment.
            let idle = counts.open.load(Ordering::Relaxed) - in_use;
            rows.row(&["in_use"], in_use.max(0) as f64);
            rows.row(&["idle"], idle.max(0) as f64);
        });
        pool
    }

    /// The handler for the events of one client.
    pub(crate) fn handler(&self) -> EventHandler<CmapEvent> {
        let counts = Arc::clone(&self.counts);
        EventHandler::callback(move |event| counts.note(&event))
    }
}

impl Counts {
    fn note(&self, event: &CmapEvent) {
        let (count, change) = match event {
            CmapEvent::ConnectionCreated(_) => (&self.open, 1),
            CmapEvent::ConnectionClosed(_) => (&self.open, -1),
            CmapEvent::ConnectionCheckedOut(_) => (&self.in_use, 1),
            CmapEvent::ConnectionCheckedIn(_) => (&self.in_use, -1),
            _ => return,
        };
        count.fetch_add(change, Ordering::Relaxed);
    }
}
