//! What the producer shows on its status page.

use std::sync::{PoisonError, Weak};

use kafka::publish::{EndOffsets, Publisher};
use service::status::figures::grouped;
use service::status::{Cell, Figure, Report, Status, StatusSubject, Table};
use service::{Registry, ServiceConfig};

use crate::metrics::{ACCEPTED, REJECTED};

/// The producer's page. It does not keep the publisher alive: the lanes end once nothing can publish anymore.
pub(crate) fn status(
    config: &ServiceConfig,
    registry: &Registry,
    publisher: Weak<Publisher>,
    end_offsets: EndOffsets,
) -> Status {
    let counters = registry.clone();
    let subject = StatusSubject {
        name: "producer",
        counter: ACCEPTED,
        counted: "Posts accepted",
        conditions: &[(kafka::CONDITION, "Kafka")],
        report: Box::new(move || {
            publisher.upgrade().map_or_else(Report::default, |publisher| Report {
                figures: figures(&counters, &publisher),
                tables: tables(&counters, &publisher, &end_offsets),
            })
        }),
    };
    Status::new(subject, registry, config.in_force.clone())
}

fn figures(counters: &Registry, publisher: &Publisher) -> Vec<Figure> {
    let total = |counter| grouped(counters.total(counter));
    let in_flight = grouped(publisher.in_flight());
    vec![
        Figure { name: "In flight", value: in_flight, note: format!("of {}", grouped(publisher.max_in_flight())) },
        Figure { name: "Accepted", value: total(&ACCEPTED), note: String::new() },
        Figure { name: "Rejected", value: total(&REJECTED), note: String::new() },
    ]
}

fn tables(counters: &Registry, publisher: &Publisher, end_offsets: &EndOffsets) -> Vec<Table> {
    let rejected = Table::of_reasons("Posts rejected", &["Reason", "Posts"], counters.totals(&REJECTED));
    [partitions(publisher, end_offsets)].into_iter().chain(rejected).collect()
}

fn partitions(publisher: &Publisher, end_offsets: &EndOffsets) -> Table {
    let end_offsets = end_offsets.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let row = |(partition, is_available): (i32, bool)| {
        let posts = if is_available { Cell::Text("accepted".to_owned()) } else { Cell::Alarm("rejected".to_owned()) };
        vec![Cell::Text(partition.to_string()), posts, Cell::count(end_offsets.get(&partition).copied())]
    };
    Table {
        title: "Partitions",
        columns: &["Partition", "Posts", "End offset"],
        rows: (0..).zip(publisher.availability()).map(row).collect(),
        if_empty: "Not known until Kafka has been reached.",
        note: "Kafka is asked for the end offsets once a second.",
    }
}
