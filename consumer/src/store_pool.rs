//! The driver's pool of connections to the store, as the metrics show it: counted from the pool's own events.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;
use service::Registry;

#[derive(Default)]
struct Pool {
    open: AtomicI64,
    in_use: AtomicI64,
}

/// What the driver is to tell its events to, so that `ingest_store_connections` is true.
pub(crate) fn observed(registry: &Registry) -> EventHandler<CmapEvent> {
    let pool = Arc::new(Pool::default());
    let help = "Connections to the store, by state";
    let observe = |state, read: fn(&Pool) -> i64| {
        let pool = Arc::clone(&pool);
        // The two counts are not read in one moment.
        let read = move || read(&pool).max(0) as f64;
        registry.observe("ingest_store_connections", help, &[("state", state)], read);
    };
    observe("in_use", Pool::in_use);
    observe("idle", |pool| pool.open.load(Ordering::Relaxed) - pool.in_use());
    EventHandler::callback(move |event| pool.note(&event))
}

impl Pool {
    fn in_use(&self) -> i64 {
        self.in_use.load(Ordering::Relaxed)
    }

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
