//! What the producer shows on its status page.

use std::collections::BTreeMap;
use std::sync::{PoisonError, Weak};

use contract::Kind;
use kafka::publish::{BatchedPublisher, CLIENT_CONDITION, EndOffsets, OrderedPublisher};
use service::status::figures::grouped;
use service::status::{Cell, Figure, Report, Status, StatusSubject, Table};
use service::{Registry, ServiceConfig};

use crate::kind_publisher::KindPublisher;
use crate::metrics::{ACCEPTED, REJECTED};

/// The publishers of the kinds that are served.
pub(crate) struct Published(pub(crate) Vec<(Kind, PublishedKind, EndOffsets)>);

/// The publisher of a kind. The page does not keep it alive: it ends once nothing can publish anymore.
pub(crate) enum PublishedKind {
    Batched(Weak<BatchedPublisher>),
    Ordered(Weak<OrderedPublisher>),
}

/// How a kind is doing.
struct KindStatus {
    kind: Kind,
    in_flight: usize,
    max_in_flight: usize,
    /// Each partition, and why it takes no records if it does not.
    partitions: Vec<(i32, Option<String>)>,
    end_offsets: BTreeMap<i32, i64>,
}

impl Published {
    /// The kinds whose publisher is still there.
    fn kinds(&self) -> Vec<KindStatus> {
        let status = |(kind, published, end_offsets): &(Kind, PublishedKind, EndOffsets)| {
            let publisher = match published {
                PublishedKind::Batched(publisher) => KindPublisher::Batched(publisher.upgrade()?),
                PublishedKind::Ordered(publisher) => KindPublisher::Ordered(publisher.upgrade()?),
            };
            Some(KindStatus {
                kind: *kind,
                in_flight: publisher.in_flight(),
                max_in_flight: publisher.max_in_flight(),
                partitions: publisher.partitions(),
                end_offsets: end_offsets.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            })
        };
        self.0.iter().filter_map(status).collect()
    }
}

/// The producer's page.
pub(crate) fn status(config: &ServiceConfig, registry: &Registry, published: Published) -> Status {
    let counters = registry.clone();
    let subject = StatusSubject {
        name: "producer",
        counter: ACCEPTED,
        counted: "Records accepted",
        conditions: &[(kafka::CONDITION, "Kafka"), (CLIENT_CONDITION, "Kafka client")],
        report: Box::new(move || {
            let kinds = published.kinds();
            Report { figures: figures(&counters, &kinds), tables: tables(&counters, &kinds) }
        }),
    };
    Status::new(subject, registry, config.in_force.clone())
}

fn figures(counters: &Registry, kinds: &[KindStatus]) -> Vec<Figure> {
    let total = |name: &'static str, counter| Figure {
        name: name.into(),
        value: grouped(counters.total(counter)),
        note: String::new(),
    };
    let in_flight = kinds.iter().map(|status| Figure {
        name: format!("{} in flight", capitalised(status.kind.plural())).into(),
        value: grouped(status.in_flight),
        note: format!("of {}", grouped(status.max_in_flight)),
    });
    in_flight.chain([total("Accepted", &ACCEPTED), total("Rejected", &REJECTED)]).collect()
}

fn tables(counters: &Registry, kinds: &[KindStatus]) -> Vec<Table> {
    let rejected = Table::of_reasons("Records rejected", &["Kind and reason", "Records"], counters.totals(&REJECTED));
    kinds.iter().map(partitions).chain(rejected).collect()
}

fn partitions(status: &KindStatus) -> Table {
    let row = |(partition, trouble): &(i32, Option<String>)| {
        let taken = match trouble {
            None => Cell::Text("accepted".to_owned()),
            Some(trouble) => Cell::Alarm(trouble.clone()),
        };
        vec![Cell::Text(partition.to_string()), taken, Cell::count(status.end_offsets.get(partition).copied())]
    };
    Table {
        title: format!("Partitions of the {}", status.kind.plural()).into(),
        columns: &["Partition", "Records", "End offset"],
        rows: status.partitions.iter().map(row).collect(),
        if_empty: "Not known until Kafka has been reached.",
        note: "Kafka is asked for the end offsets once a second.",
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
