//! The producer: takes posts over HTTP, validates them, batches them into the Kafka topic, and answers 201 only once
//! Kafka has acknowledged with acks=all.
//!
//! How a post travels: [`create_post`] reads the request's [`body`] and judges it → [`kafka::publish`] takes its
//! [`record`] and waits for the acknowledgement → that answers the request, or else a [`rejection`]. The posts of a
//! bulk go the same way from [`create_posts`], which waits for all of them together. With an OTLP endpoint each request
//! has a span ([`spans`]).

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use kafka::publish::{self, Publisher, Supervisor};
use service::http::ServerLimits;
use service::metrics::Metric;
use service::state_file::StateFile;
use service::{Health, Instruments, Program, Readiness, Registry, Tracing, open_files};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod body;
mod config;
mod create_post;
mod create_posts;
mod headers;
mod metrics;
mod record;
mod rejection;
mod routes;
mod spans;
mod status;

pub use config::ProducerConfig;
pub use routes::ROUTES;

/// Every metric that the producer shows.
pub const METRICS: &[&[Metric]] = &[service::METRICS, metrics::METRICS, publish::metrics::METRICS];

/// Files open besides all connections: the runtime's own, and connections that end while others start.
const OTHER_FILES: usize = 100;

/// The program: what `main` does with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let about = "Takes posts over HTTP (POST /create-post, many at once by POST /create-posts) and \
                 answers 201 once Kafka has acknowledged them.";
    Program { name: "producer", about, read: ProducerConfig::read }.main(arguments, run)
}

/// Serves on `listener` until `stop` is cancelled; then stops accepting, answers what is in flight, flushes, and
/// returns.
///
/// # Errors
/// When that takes longer than the grace period, or the state file cannot be written.
pub async fn run(config: ProducerConfig, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    let state = StateFile::listening(&config.service, "producer", &listener)?;
    let registry = Registry::new(METRICS);
    let metrics = Arc::new(metrics::PostCounters::new(&registry));
    let tracing = Tracing::start(&config.service, "producer")?;
    let readiness = Readiness::new(&[kafka::CONDITION]);
    let publisher = Arc::new(Publisher::new(&config.kafka, &registry));
    let other_files = OTHER_FILES + publish::connections(config.kafka.partitions);
    let max_connections = open_files::fitting_connections(config.max_connections, other_files);
    let limits = ServerLimits { max_connections, header_timeout: config.header_timeout };
    let grace = config.service.stop_grace;

    let instruments =
        Instruments { registry: registry.clone(), readiness: readiness.clone(), tracer: tracing.tracer() };
    let supervisor = Supervisor::new(config.kafka.clone(), Arc::clone(&publisher), instruments);
    let lanes = supervisor.lanes();
    let status = status::status(&config.service, &registry, Arc::downgrade(&publisher), supervisor.end_offsets());
    let health = Health::new(status.clone(), readiness, registry.clone(), stop.clone());
    let bodies = Arc::new(body::BodyReader::new(&config, &registry, stop.clone()));
    let handler = routes::ProducerRoutes {
        create_post: create_post::CreatePost {
            bodies: Arc::clone(&bodies),
            publisher: Arc::clone(&publisher),
            metrics: Arc::clone(&metrics),
            tracer: tracing.tracer(),
        },
        create_posts: create_posts::CreatePosts {
            bodies,
            publisher,
            metrics,
            tracer: tracing.tracer(),
            max_post_bytes: config.max_body_bytes,
        },
    };
    let deadline = stop.clone();
    let mut deadline = pin!(async move {
        deadline.cancelled().await;
        tokio::time::sleep(grace).await;
    });
    let serving = async {
        let stop = stop.clone();
        tokio::select! {
            () = service::http::serve(listener, limits, handler, health, &registry, stop) => {}
            () = supervisor.run() => {}
            () = registry.upkeep() => {}
            () = status.upkeep() => {}
        }
        // The handler and the supervisor are gone, and with them the publisher: the lanes flush and end.
        lanes.close();
        lanes.wait().await;
    };
    tokio::select! {
        () = serving => {}
        () = &mut deadline => {
            return Err(anyhow::anyhow!("posts were still in flight")).context("stopping took longer than STOP_GRACE");
        }
    }
    let totals = registry.last_totals();
    tracing.stop(deadline).await;
    state.ended(totals)
}
