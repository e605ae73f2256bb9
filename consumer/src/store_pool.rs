//! The driver's pool of connections to the store, as the metrics show it: counted from the pool's own events.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use service::Registry;
use service::metrics::Metric;

/// The connections.
pub(crate) const CONNECTIONS: Metric =
    Metric::gauge("ingest_store_connections", "Connections to the store, by state: in_use, idle").labelled(&["state"]);

#[derive(Default)]
struct Pool {
    open: AtomicI64,
    in_use: AtomicI64,
}

/// The handler for the driver's events, which keeps `ingest_store_connections` right.
pub(crate) fn observed(registry: &Registry) -> EventHandler<CmapEvent> {
    let pool = Arc::new(Pool::default());
    let observed = Arc::clone(&pool);
    registry.observe(&CONNECTIONS, move |rows| {
        let in_use = observed.in_use.load(Ordering::Relaxed);
        // The two counts are not read at the same moment.
        let idle = observed.open.load(Ordering::Relaxed) - in_use;
        rows.row(&["in_use"], in_use.max(0) as f64);
        rows.row(&["idle"], idle.max(0) as f64);
    });
    EventHandler::callback(move |event| pool.note(&event))
}

impl Pool {
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
