//! The page at `/status`: how a service is doing, for a person with nothing but a browser. It is one HTML document
//! without scripts, made for each request from what the service already knows, so it costs nothing while nobody looks.
//!
//! A [`Report`] has what is particular to a service; [`Status`] adds what all have, and `page` makes the HTML.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use crate::metrics::Metric;
use crate::readiness::Condition;
use crate::recent_errors::{self, RecentErrors};
use crate::settings::Variable;
use crate::status::page::{Page, PageState};
use crate::status::throughput::Throughput;
use crate::{Readiness, Registry};

pub mod figures;
mod page;
mod report;
mod sparkline;
mod throughput;

pub use report::{Cell, Figure, Report, Table};

pub(crate) use page::{CONTENT_SECURITY_POLICY, REFRESH_SECONDS};

/// How often the throughput is sampled.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// The service that a page is about.
pub struct StatusSubject {
    /// The service's name.
    pub name: &'static str,
    /// The counter whose growth is the throughput.
    pub counter: Metric,
    /// What it counts, as a heading, such as "Posts accepted".
    pub counted: &'static str,
    /// The conditions of its readiness, each with the name to show.
    pub conditions: &'static [(&'static str, &'static str)],
    /// Reports how the service is doing now. Called off the reactor's threads, so it may wait for a lock.
    pub report: Box<dyn Fn() -> Report + Send + Sync>,
}

/// Makes the page. Cheap to clone.
#[derive(Clone)]
pub struct Status {
    inner: Arc<Inner>,
}

struct Inner {
    subject: StatusSubject,
    registry: Registry,
    settings: Vec<Variable>,
    started: Instant,
    throughput: Mutex<Throughput>,
}

impl Status {
    /// The page of a service that starts now with these settings. The registry has its counter.
    pub fn new(subject: StatusSubject, registry: &Registry, settings: Vec<Variable>) -> Self {
        let started = Instant::now();
        let throughput = Mutex::new(Throughput::new(started, registry.total(&subject.counter)));
        let registry = registry.clone();
        Self { inner: Arc::new(Inner { subject, registry, settings, started, throughput }) }
    }

    /// Samples the throughput once a second, for as long as it is polled.
    pub async fn upkeep(&self) {
        let mut interval = tokio::time::interval(SAMPLE_INTERVAL);
        // The next sample fills the seconds that were missed.
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let total = self.inner.registry.total(&self.inner.subject.counter);
            self.throughput().sample(Instant::now(), total);
        }
    }

    /// The service's name.
    pub(crate) fn name(&self) -> &'static str {
        self.inner.subject.name
    }

    /// The page as HTML. Waits for locks, so call it off the reactor's threads.
    pub(crate) fn render(&self, readiness: &Readiness, is_stopping: bool, is_refreshing: bool) -> String {
        let Inner { subject, settings, started, .. } = &*self.inner;
        let state = match readiness.check() {
            _ if is_stopping => PageState::Stopping,
            Ok(()) => PageState::Ready,
            Err(_) => PageState::NotReady,
        };
        let mut conditions = readiness.conditions();
        // Part by part, in the order in which the service names them; those that it does not name come last.
        let place = |condition: &Condition| subject.conditions.iter().position(|(known, _)| *known == condition.name);
        conditions.sort_by_key(|(condition, _)| (condition.of, place(condition).unwrap_or(usize::MAX)));
        let called = |condition: Condition| {
            let name = place(&condition).map_or(condition.name, |index| subject.conditions[index].1);
            Condition { name, ..condition }.to_string()
        };
        page::render(&Page {
            name: subject.name,
            version: env!("CARGO_PKG_VERSION"),
            uptime: started.elapsed(),
            at: &recent_errors::now(),
            is_refreshing,
            state,
            conditions: conditions.into_iter().map(|(condition, met)| (called(condition), met)).collect(),
            counted: subject.counted,
            rates: self.throughput().rates(),
            report: (subject.report)(),
            errors: RecentErrors::of_this_process().latest(),
            settings,
        })
    }

    fn throughput(&self) -> MutexGuard<'_, Throughput> {
        self.inner.throughput.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_follows_the_conditions_until_the_service_stops() {
        let registry = Registry::new(&[]);
        let subject = StatusSubject {
            name: "consumer",
            counter: Metric::counter("events_total", "Events"),
            counted: "Events",
            conditions: &[("kafka", "Kafka"), ("dead_letters", "Dead letters")],
            report: Box::new(Report::default),
        };
        let status = Status::new(subject, &registry, Vec::new());
        let readiness = Readiness::new(&["kafka", "dead_letters", "another"]);
        let orders = readiness.of("order");
        orders.unmet("dead_letters", "too many");
        orders.unmet("kafka", "away");
        let shows = |is_stopping, word: &str| {
            let page = status.render(&readiness, is_stopping, true);
            assert!(page.contains(&format!("<h1>{word}</h1>")), "{word} in\n{page}");
            page
        };
        let page = shows(false, "Not ready");
        let names = ["Kafka", "Dead letters", "another", "order: Kafka", "order: Dead letters"];
        let places = names.map(|name| page.find(&format!("<strong>{name}</strong> ")));
        assert!(places.is_sorted() && places[0].is_some(), "in the service's own order: {page}");
        for condition in ["kafka", "dead_letters", "another"] {
            readiness.met(condition);
            orders.met(condition);
        }
        shows(false, "Ready");
        shows(true, "Stopping");
    }
}
