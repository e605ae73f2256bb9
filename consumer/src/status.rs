//! What the consumer shows on its status page.

use std::sync::Arc;
use std::time::Duration;

use contract::Kind;
use kafka::group::metrics::{CONSUMED, DEAD_LETTERED};
use kafka::group::{self, Committed, Standing};
use service::status::figures::{grouped, span};
use service::status::{Cell, Figure, Report, Status, StatusSubject, Table};
use service::{Registry, ServiceConfig};

use crate::engines::Engine;
use crate::metrics::{DUPLICATES, ERASED, EXPIRED, STORE_RETRIES, STORED, SUPERSEDED};
use crate::pausing::{self, ShownPause};
use crate::store;

/// The consumer's page.
pub(crate) fn status(config: &ServiceConfig, registry: &Registry, engines: &[Engine]) -> Status {
    let counters = registry.clone();
    let books: Vec<_> = engines.iter().map(|engine| (engine.kind, Arc::clone(&engine.book))).collect();
    let pauses: Vec<_> = engines.iter().map(|engine| (engine.kind, engine.paused.clone())).collect();
    let subject = StatusSubject {
        name: "consumer",
        counter: STORED,
        counted: "Records stored",
        conditions: &[
            (kafka::CONDITION, "Kafka"),
            (store::CONDITION, "MongoDB"),
            (group::FLUSHES, "Flushes"),
            (group::COMMITS, "Commits"),
            (group::DEAD_LETTERS, "Dead letters"),
            (pausing::CONDITION, "Fetching"),
        ],
        report: Box::new(move || {
            let standings: Vec<_> = books.iter().map(|(kind, book)| (*kind, book.standings())).collect();
            let dead_letters =
                Table::of_reasons("Dead letters", &["Kind and reason", "Records"], counters.totals(&DEAD_LETTERED));
            let held = standings.iter().map(|(kind, standings)| partitions(*kind, standings));
            let tables = paused(&pauses).into_iter().chain(held).chain(dead_letters).collect();
            let all: Vec<Standing> = standings.iter().flat_map(|(_, standings)| standings.iter().copied()).collect();
            Report { figures: figures(&counters, &all), tables }
        }),
    };
    Status::new(subject, registry, config.in_force.clone())
}

fn figures(counters: &Registry, standings: &[Standing]) -> Vec<Figure> {
    // Without a partition there is no number to show.
    let lag: i64 = standings.iter().map(|standing| standing.lag).sum();
    let lag = if standings.is_empty() { "unknown".to_owned() } else { grouped(lag) };
    let total = |name: &'static str, counter| Figure {
        name: name.into(),
        value: grouped(counters.total(counter)),
        note: String::new(),
    };
    vec![
        Figure { name: "Lag".into(), value: lag, note: "records not yet committed".to_owned() },
        total("Consumed", &CONSUMED),
        total("Stored", &STORED),
        total("Duplicates", &DUPLICATES),
        total("Superseded", &SUPERSEDED),
        total("Expired", &EXPIRED),
        total("Erased", &ERASED),
        total("Dead letters", &DEAD_LETTERED),
        total("Writes retried", &STORE_RETRIES),
    ]
}

/// The kinds that operators have paused; `None` if there are none.
fn paused(pauses: &[(Kind, ShownPause)]) -> Option<Table> {
    let row = |(kind, shown): &(Kind, ShownPause)| {
        let pause = shown.get()?;
        let since = pause.since_text();
        Some(vec![Cell::Alarm(kind.name().to_owned()), Cell::Text(since), Cell::Text(pause.by)])
    };
    let rows: Vec<_> = pauses.iter().filter_map(row).collect();
    let note =
        "Nothing of these kinds is fetched until `consumer resume`; their partitions are kept, and the lag grows.";
    let columns = &["Kind", "Since", "By"];
    (!rows.is_empty()).then_some(Table { title: "Paused by operators".into(), columns, rows, if_empty: "", note })
}

fn partitions(kind: Kind, standings: &[Standing]) -> Table {
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
        title: format!("Partitions of {} held", kind.plural()).into(),
        columns: &["Partition", "Lag", "Lag time", "Committed", "End offset"],
        rows: standings.iter().map(row).collect(),
        if_empty: "None: the group has not given this member any, or has fewer partitions than members.",
        note: "Kafka is asked for the end offsets once a second; what is committed is known at once.",
    }
}
