//! What the consumer shows on its status page.

use std::sync::Arc;
use std::time::Duration;

use kafka::group::metrics::{CONSUMED, DEAD_LETTERED};
use kafka::group::{self, Book, Committed, Standing};
use service::status::figures::{grouped, span};
use service::status::{Cell, Figure, Report, Status, StatusSubject, Table};
use service::{Registry, ServiceConfig};

use crate::metrics::{DUPLICATES, STORE_RETRIES, STORED};
use crate::store;

/// The consumer's page.
pub(crate) fn status(config: &ServiceConfig, registry: &Registry, book: Arc<Book>) -> Status {
    let counters = registry.clone();
    let subject = StatusSubject {
        name: "consumer",
        counter: STORED,
        counted: "Posts stored",
        conditions: &[
            (kafka::CONDITION, "Kafka"),
            (store::CONDITION, "MongoDB"),
            (group::FLUSHES, "Flushes"),
            (group::COMMITS, "Commits"),
            (group::DEAD_LETTERS, "Dead letters"),
        ],
        report: Box::new(move || {
            let standings = book.standings();
            let dead_letters =
                Table::of_reasons("Dead letters", &["Kind and reason", "Records"], counters.totals(&DEAD_LETTERED));
            let tables = [partitions(&standings)].into_iter().chain(dead_letters).collect();
            Report { figures: figures(&counters, &standings), tables }
        }),
    };
    Status::new(subject, registry, config.in_force.clone())
}

fn figures(counters: &Registry, standings: &[Standing]) -> Vec<Figure> {
    // Without a partition there is no number to show.
    let lag: i64 = standings.iter().map(|standing| standing.lag).sum();
    let lag = if standings.is_empty() { "unknown".to_owned() } else { grouped(lag) };
    let total = |name, counter| Figure { name, value: grouped(counters.total(counter)), note: String::new() };
    vec![
        Figure { name: "Lag", value: lag, note: "records not yet committed".to_owned() },
        total("Consumed", &CONSUMED),
        total("Stored", &STORED),
        total("Duplicates", &DUPLICATES),
        total("Dead letters", &DEAD_LETTERED),
        total("Inserts retried", &STORE_RETRIES),
    ]
}

fn partitions(standings: &[Standing]) -> Table {
    let row = |standing: &Standing| {
        vec![
            Cell::Text(standing.partition.to_string()),
            Cell::count(Some(standing.lag)),
            Cell::Number(span(Duration::from_secs_f64(standing.lag_seconds))),
            match standing.committed {
                Committed::Unknown => Cell::Unknown,
                Committed::Nothing => Cell::Number("nothing".to_owned()),
                Committed::Offset(offset) => Cell::count(Some(offset)),
            },
            Cell::count(standing.end_offset),
        ]
    };
    Table {
        title: "Partitions held",
        columns: &["Partition", "Lag", "Lag time", "Committed", "End offset"],
        rows: standings.iter().map(row).collect(),
        if_empty: "None: the group has not given this member any, or has fewer partitions than members.",
        note: "Kafka is asked for the end offsets once a second; what is committed is known at once.",
    }
}
