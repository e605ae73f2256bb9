//! What a process shows on its status page.

use std::sync::{Arc, OnceLock};

use service::status::figures::{grouped, span};
use service::status::{Cell, Figure, Report, Status, StatusSubject, Table};
use service::{Registry, ServiceConfig};

use crate::api::metrics::{ACCEPTED, REJECTED};
use crate::asking;
use crate::metrics::figures::Figures;
use crate::metrics::{GIVEN_UP, LATE_FINISHES, RETRIES, TAKEN_ON};
use crate::roles::Roles;
use crate::status;

/// The page of a process with these roles. The figures of the database are there once it is open.
pub(crate) fn status(
    config: &ServiceConfig,
    registry: &Registry,
    roles: Roles,
    figures: Arc<OnceLock<Arc<Figures>>>,
) -> Status {
    let counters = registry.clone();
    let (counter, counted) =
        if roles.api { (ACCEPTED, "Submissions accepted") } else { (TAKEN_ON, "Changes of status") };
    let subject = StatusSubject {
        name: "submissions",
        counter,
        counted,
        conditions: &[
            (asking::CONDITION, "Database"),
            ("kafka", "Kafka"),
            ("flush", "Announcements handed to the worker"),
            ("commit", "Commits"),
            ("dead_letters", "Dead letters"),
        ],
        report: Box::new(move || Report {
            figures: numbers(&counters, roles, figures.get()),
            tables: tables(&counters, figures.get()),
        }),
    };
    Status::new(subject, registry, config.in_force.clone())
}

fn numbers(counters: &Registry, roles: Roles, figures: Option<&Arc<Figures>>) -> Vec<Figure> {
    let figure = |name: &'static str, value: String| Figure { name: name.into(), value, note: String::new() };
    let total = |name: &'static str, counter| figure(name, grouped(counters.total(counter)));
    let mut shown = Vec::new();
    if roles.api {
        shown.extend([total("Accepted", &ACCEPTED), total("Rejected", &REJECTED)]);
    }
    let counted = [("Retries", &RETRIES), ("Given up", &GIVEN_UP), ("Late finishes refused", &LATE_FINISHES)];
    shown.extend(counted.map(|(name, counter)| total(name, counter)));
    if let Some(latest) = figures.and_then(|figures| figures.latest()) {
        let oldest = latest.stats.oldest_pending.map_or_else(|| "none".to_owned(), span);
        shown.extend([
            figure("Workers", grouped(latest.workers)),
            figure("Stuck", grouped(latest.stats.stuck)),
            figure("Oldest pending", oldest),
            figure("Dead letters", grouped(latest.stats.dead_letters)),
        ]);
    }
    shown
}

fn tables(counters: &Registry, figures: Option<&Arc<Figures>>) -> Vec<Table> {
    let latest = figures.and_then(|figures| figures.latest());
    let rows = latest.iter().flat_map(|latest| {
        status::Status::ALL.map(|status| {
            let count = latest.stats.in_status[status as usize];
            vec![Cell::Text(status.as_str().to_owned()), Cell::Number(grouped(count))]
        })
    });
    let in_status = Table {
        title: "Submissions in each status".into(),
        columns: &["Status", "Submissions"],
        rows: rows.collect(),
        if_empty: "Not known until the database has answered.",
        note: "The database is asked once a second.",
    };
    let rejected = Table::of_reasons("Submissions rejected", &["Reason", "Submissions"], counters.totals(&REJECTED));
    [Some(in_status), rejected].into_iter().flatten().collect()
}
