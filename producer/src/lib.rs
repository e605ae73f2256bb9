//! The producer: takes posts, orders and records of the kinds of `KINDS_DIR` over HTTP, validates them, publishes them
//! to a Kafka topic for each kind, and answers 201 only once Kafka has acknowledged with acks=all.
//!
//! How a post travels: [`create_post`] reads the request's [`body`] and judges it →
//! [`kafka::publish`] takes its [`record`] and waits for the acknowledgement → that answers the request, or else a
//! [`rejection`]. An order goes the same way from [`create_order`], through a publisher that keeps the records of each
//! order in sequence; a record of a kind that a file describes comes from [`create_record`]. The records of a bulk
//! come from [`create_bulk`], which waits for all of them together. [`ingress`] is what the handlers of a kind share.
//! With an OTLP endpoint each request has a span ([`spans`]). [`mod@openapi`] describes the interface; the service
//! serves that, and makes a page of it.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use contract::{Kind, SchemaKind};
use kafka::publish::{self, PublishConfig};
use service::documentation::Documentation;
use service::http::body::{self, BodyReader};
use service::http::{Entrance, NoRoutes, OPERATOR_CONNECTIONS, Stop};
use service::metrics::Metric;
use service::state_file::StateFile;
use service::{Access, Health, Listeners, Program, Readiness, Registry, Tracing, access, auth};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::create_bulk::CreateBulk;
use crate::create_order::CreateOrder;
use crate::create_post::CreatePost;
use crate::create_record::CreateRecord;
use crate::ingress::Ingress;
use crate::kind_publisher::KindPublisher;
use crate::metrics::RecordCounters;
use crate::publishers::Publishers;
use crate::routes::{OrderHandlers, PostHandlers, ProducerRoutes, RecordHandlers};

mod audited;
mod config;
mod create_bulk;
mod create_order;
mod create_post;
mod create_record;
mod documentation;
mod headers;
mod ingress;
mod kind_publisher;
mod kinds;
mod metrics;
mod noun;
mod openapi;
mod order_log;
mod paths;
mod publishers;
mod record;
mod rejection;
mod routes;
mod spans;
mod status;

pub use config::ProducerConfig;
pub use documentation::DOCUMENTATION_ROUTES;
pub use openapi::openapi;
pub use routes::{ROUTES, routes_of_file};

/// Every metric that the producer shows.
pub const METRICS: &[&[Metric]] =
    &[service::METRICS, access::METRICS, metrics::METRICS, body::METRICS, publish::metrics::METRICS];

/// Files open besides all connections of clients: those of operators, the runtime's own, and connections that end while
/// others start.
const OTHER_FILES: usize = OPERATOR_CONNECTIONS + 100;

/// The program: what `main` does with the arguments after its name.
pub fn main(arguments: Vec<String>) -> ExitCode {
    let about = "Takes posts and orders over HTTP (POST /create-post and POST /api/orders/, many at once by \
                 POST /create-posts and POST /api/orders/bulk), and records of the kinds of KINDS_DIR, and answers \
                 201 once Kafka has acknowledged them. `producer kinds` lists the kinds, `producer keys` makes API \
                 keys.";
    let mut arguments = arguments.into_iter().peekable();
    if arguments.next_if(|argument| argument == kinds::NAME).is_some() {
        return kinds::main(arguments);
    }
    if arguments.next_if(|argument| argument == auth::NAME).is_some() {
        return auth::main("producer", arguments);
    }
    Program { name: "producer", about, read: ProducerConfig::read, connect: |config| Box::pin(connect(config)) }
        .main(arguments, run)
}

/// Whether Kafka can be reached and the topics may be used. They need not exist.
async fn connect(config: ProducerConfig) -> Vec<(String, anyhow::Result<()>)> {
    let mut outcomes = Vec::new();
    for kind in &config.kinds {
        let PublishConfig { cluster, topic, .. } = config.publish(*kind);
        outcomes.push((format!("Kafka, topic {topic}"), kafka::reach(cluster, topic).await));
    }
    outcomes
}

/// Serves on `listeners` until `stop` is cancelled, and for `STOP_DELAY` after that; then stops accepting, answers what
/// is in flight, flushes, and returns. Until then it also answers operators.
///
/// # Errors
/// When that takes longer than the grace period, or the state file cannot be written.
pub async fn run(config: ProducerConfig, listeners: Listeners, stop: CancellationToken) -> anyhow::Result<()> {
    let state = StateFile::listening(&config.service, "producer", &listeners)?;
    let Listeners { clients, operators } = listeners;
    let clients = Entrance::new(clients, config.service.tls.as_ref())?;
    let operators = Entrance::new(operators, config.service.admin_tls.as_ref())?;
    let registry = Registry::new(METRICS);
    let tracing = Tracing::start(&config.service, "producer")?;
    let readiness = Readiness::new(&[]);
    let kinds = config.kinds.iter().map(|kind| kind.name()).collect();
    let access = Access::start(&config.access, kinds, &registry, &readiness)?;
    let publishers = Publishers::new(&config, &registry, &readiness, tracing.tracer())?;
    let unflushed = publishers.unflushed();
    let other_files = OTHER_FILES + Publishers::files(&config);
    let limits = config.requests.of_server(&config.service, other_files);
    let grace = config.service.stop_grace;

    let status = status::status(&config.service, &registry, publishers.published());
    let health = Health::new(status.clone(), readiness, registry.clone(), stop.clone())
        .with_token(config.service.admin_token.clone());
    let server_stop = Stop::from(stop.clone());
    let bodies = Arc::new(BodyReader::new(config.requests.bodies, &registry, server_stop.closing.clone()));
    let ingress = |kind: Kind| {
        let counters = RecordCounters::new(&registry, kind.name());
        Arc::new(Ingress { kind, bodies: Arc::clone(&bodies), counters, tracer: tracing.tracer() })
    };
    let max_record_bytes = config.requests.bodies.max_bytes;
    let judging = Arc::new(Semaphore::new(Handle::current().metrics().num_workers()));
    let posts = publishers.posts().map(|publisher| {
        let ingress = ingress(Kind::Post);
        PostHandlers {
            one: CreatePost { ingress: Arc::clone(&ingress), publisher: Arc::clone(&publisher) },
            bulk: CreateBulk {
                ingress,
                publisher: KindPublisher::Batched(publisher),
                name: "POST /create-posts",
                max_record_bytes,
                judging: Arc::clone(&judging),
            },
        }
    });
    let orders = publishers.orders().map(|publisher| {
        let ingress = ingress(Kind::Order);
        OrderHandlers {
            one: CreateOrder { ingress: Arc::clone(&ingress), publisher: Arc::clone(&publisher) },
            bulk: CreateBulk {
                ingress,
                publisher: KindPublisher::Ordered(publisher),
                name: "POST /api/orders/bulk",
                max_record_bytes,
                judging: Arc::clone(&judging),
            },
        }
    });
    let of_file = |kind: &'static SchemaKind| {
        let (ingress, publisher) = (ingress(Kind::Schema(kind)), publishers.of(Kind::Schema(kind))?);
        let name = |path: &str| -> &'static str { format!("POST {path}").leak() };
        let (one_name, bulk_name) = (name(kind.route()), name(kind.bulk_route()));
        Some(RecordHandlers {
            one: CreateRecord { kind, name: one_name, ingress: Arc::clone(&ingress), publisher: publisher.clone() },
            bulk: CreateBulk { ingress, publisher, name: bulk_name, max_record_bytes, judging: Arc::clone(&judging) },
        })
    };
    let of_files = config.kinds.iter().filter_map(|kind| match kind {
        Kind::Schema(kind) => of_file(kind),
        Kind::Post | Kind::Order => None,
    });
    let documentation = Documentation::new(&openapi::document(&config.kinds));
    let handler = ProducerRoutes::new(posts, orders, of_files.collect(), health.clone(), documentation, access.clone());
    let deadline = stop.clone();
    let mut deadline = pin!(async move {
        deadline.cancelled().await;
        tokio::time::sleep(grace).await;
    });
    let serving = async {
        tokio::select! {
            () = service::http::serve(clients, limits, handler, health.for_clients(), &registry, server_stop) => {}
            () = publishers.run() => {}
        }
        unflushed.flush().await;
    };
    let serving_operators = service::http::serve_operators(operators, limits, NoRoutes, health.clone(), &registry);
    tokio::select! {
        () = serving => {}
        () = serving_operators => bail!("the operators' listener ended"),
        () = registry.upkeep() => bail!("the metrics' upkeep ended"),
        () = status.upkeep() => bail!("the status' upkeep ended"),
        () = access::upkeep(access.as_ref()) => bail!("the access' upkeep ended"),
        () = &mut deadline => {
            return Err(anyhow::anyhow!("records were still in flight")).context("stopping took longer than STOP_GRACE");
        }
    }
    let totals = registry.last_totals();
    tracing.stop(deadline).await;
    state.ended(totals)
}
