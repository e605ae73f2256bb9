//! The consumer: a member of one group for each kind of record that it serves. It stores every record of their topics,
//! as a document in MongoDB or as a dead letter.
//!
//! Each kind has an engine ([`engines`]): a member of the kind's group ([`kafka::group`]) fetches records and says when
//! to write which. This crate says what they are ([`contract::decode`]) and writes a batch of them ([`flush`]) into the
//! [`store`], whose answers [`classify`] understands. What is older than a kind's [`retention`] is removed
//! ([`expiring`]), and what operators have paused is not fetched ([`pausing`]). With an OTLP endpoint each flush has a
//! span ([`spans`]). The [`command`] reads the dead letters and sends them back; [`kinds`] lists the kinds; [`erasure`]
//! erases records; [`administration`] shows topics and groups, resets offsets, and pauses kinds. How these commands
//! begin is in [`beginning`].

use std::pin::pin;
use std::process::ExitCode;

use anyhow::bail;
use kafka::group::{self, GroupConfig};
use service::http::{Entrance, ServerLimits};
use service::metrics::Metric;
use service::state_file::StateFile;
use service::{Health, Instruments, Listeners, Program, Readiness, Registry, Tracing};
use tokio_util::sync::CancellationToken;

use crate::administration::Reports;
use crate::routes::ConsumerRoutes;

mod administration;
mod beginning;
mod classify;
mod clock;
mod command;
mod config;
mod engines;
mod erasure;
mod expiring;
mod flush;
mod kinds;
mod metrics;
mod pausing;
mod printable;
mod retention;
mod routes;
mod spans;
mod status;
mod store;
mod store_pool;
mod summary;

pub use config::groups::read_of_any_file;
pub use config::{ConsumerConfig, MongoUri};
pub use routes::ROUTES;
pub use store::{durable_writes, guarded_updates};

/// Every metric that the consumer shows.
pub const METRICS: &[&[Metric]] = &[service::METRICS, group::metrics::METRICS, metrics::METRICS];

const ABOUT: &str = "\
Stores the records of Kafka topics in MongoDB, each kind as a member of its consumer group.

`consumer kinds` lists the kinds of record that it stores, checks the files of kinds, and tries a new one on what is
stored; see `consumer kinds --help`. `consumer dead-letters` lists the records that could not be
stored, shows them, and sends them back, or releases the brake that too many of them put on; see
`consumer dead-letters --help`. `consumer topics` and `consumer groups` show the topics and the groups of the kinds, and
`consumer offsets reset` sets where a group starts next. `consumer pause` stops fetching the records of a kind, and
`consumer resume` continues. `consumer erase` erases records from the store and the dead letters, so that nothing brings
them back; see `consumer erase --help`.";

/// The program: what `main` does with the arguments after its name.
pub fn main(arguments: Vec<String>) -> ExitCode {
    let mut arguments = arguments.into_iter().peekable();
    if arguments.next_if(|argument| argument == command::NAME).is_some() {
        return command::main(arguments);
    }
    if arguments.peek().is_some_and(|argument| administration::command::NAMES.contains(&argument.as_str())) {
        return administration::command::main(arguments);
    }
    if arguments.next_if(|argument| argument == kinds::NAME).is_some() {
        return kinds::main(arguments);
    }
    if arguments.next_if(|argument| argument == erasure::NAME).is_some() {
        return erasure::main(arguments);
    }
    Program { name: "consumer", about: ABOUT, read: ConsumerConfig::read, connect: |config| Box::pin(connect(config)) }
        .main(arguments, run)
}

/// Whether Kafka and MongoDB can be reached, and the topics and collections used. They need not exist.
async fn connect(config: ConsumerConfig) -> Vec<(String, anyhow::Result<()>)> {
    let mut outcomes = Vec::new();
    for kind in &config.kinds {
        let GroupConfig { cluster, topic, .. } = config.group(*kind);
        outcomes.push((format!("Kafka, topic {topic}"), kafka::reach(cluster, topic).await));
        let collection = kind.collection();
        outcomes.push((format!("MongoDB, collection {collection}"), store::reach(&config.mongo_uri, collection).await));
    }
    outcomes
}

/// Consumes until `stop` is cancelled; then flushes, commits, leaves the groups and returns. Serves the same endpoints
/// on both listeners meanwhile: it has no other clients than those who run it. Where only certificates let them in
/// (`ADMIN_TLS_CLIENT_CA`), `PORT` is no way around: it only says how the consumer is.
///
/// # Errors
/// When that takes longer than the grace period, or a part of the consumer failed, or the state file cannot be written.
/// Nothing is lost: what is not committed is read again.
pub async fn run(config: ConsumerConfig, listeners: Listeners, stop: CancellationToken) -> anyhow::Result<()> {
    let state = StateFile::listening(&config.service, "consumer", &listeners)?;
    let (registry, readiness) = (Registry::new(METRICS), Readiness::new(&[]));
    let tracing = Tracing::start(&config.service, "consumer")?;
    let instruments =
        Instruments { registry: registry.clone(), readiness: readiness.clone(), tracer: tracing.tracer() };
    let engines = engines::of(&config, &instruments);
    let status = status::status(&config.service, &registry, &engines);
    let releases = engines.iter().map(|engine| engine.release.clone()).collect();
    let routes = ConsumerRoutes { served: ROUTES, releases, reports: Reports::new(&config) };
    // Cancelled also when an engine fails: the others stop as if the process had been asked to.
    let stop = stop.child_token();
    let health = Health::new(status.clone(), readiness, registry.clone(), stop.clone())
        .with_token(config.service.admin_token.clone());
    let grace = config.service.stop_grace;
    let mut deadline = pin!(async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    });
    let consuming = engines::run(engines, &stop);
    // The endpoints are served until the very end, so that an orchestrator sees the service stopping.
    let Listeners { clients, operators } = listeners;
    let clients = Entrance::new(clients, config.service.tls.as_ref())?;
    let operators = Entrance::new(operators, config.service.admin_tls.as_ref())?;
    let asks_for_certificates = config.service.admin_tls.as_ref().is_some_and(|files| files.client_ca.is_some());
    let (routes_of_port, health_of_port) = if asks_for_certificates {
        (ConsumerRoutes { served: &[], ..routes.clone() }, health.for_clients())
    } else {
        (routes.clone(), health.clone())
    };
    let limits = ServerLimits::FOR_OPERATORS;
    let serving_operators = service::http::serve_operators(operators, limits, routes, health, &registry);
    let serving =
        service::http::serve(clients, limits, routes_of_port, health_of_port, &registry, CancellationToken::new());
    let outcome = tokio::select! {
        outcome = consuming => outcome,
        () = serving => bail!("the health endpoints ended"),
        () = serving_operators => bail!("the operators' listener ended"),
        () = registry.upkeep() => bail!("the metrics' upkeep ended"),
        () = status.upkeep() => bail!("the status' upkeep ended"),
        () = &mut deadline => {
            bail!("stopping took longer than STOP_GRACE, records read but not committed are read again")
        }
    };
    let totals = registry.last_totals();
    tracing.stop(deadline).await;
    let written = state.ended(totals);
    outcome.and(written)
}
