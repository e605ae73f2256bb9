//! The producer: takes posts over HTTP, validates them, batches them into the Kafka topic, and answers 201 only once Kafka
//! has acknowledged with acks=all.
//!
//! The way of a post: [`create_post`] reads and judges the request → [`publisher`] admits it, picks its partition and
//! waits → a [`lane`] takes a [`batch`] out of that partition's [`queue`] and produces it → the acknowledgement answers the request.
//! The posts of a bulk go the same way from [`create_posts`], which waits for all of them together ([`bulk_wait`]).
//! Beside it, [`kafka`] connects, creates the topic and watches whether Kafka is there. With an OTLP endpoint there are
//! [`spans`] of all this.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use service::http::Limits;
use service::metrics::Metric;
use service::state_file::StateFile;
use service::{Health, Program, Readiness, Registry, Tracing, open_files};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod batch;
mod body;
mod body_budget;
mod bulk_answer;
mod bulk_wait;
mod config;
mod connecting;
mod connection;
mod create_post;
mod create_posts;
mod headers;
mod kafka;
mod lane;
mod metrics;
mod nodelay;
mod outage;
mod partitioner;
mod publisher;
mod queue;
mod recent_keys;
mod record;
mod refusal;
mod routes;
mod sent;
mod spans;
mod status;
mod waiting_request;

pub use batch::Batch;
pub use config::{Config, KafkaSettings};
pub use kafka::LANES_PER_PARTITION;
pub use queue::ENOUGH_BYTES;
pub use record::Publishing;
pub use routes::ROUTES;

/// Files open beside all connections: the runtime's own, and connections that end while others begin.
const OTHER_FILES: usize = 100;

/// Every metric that the producer shows.
pub const METRICS: &[&[Metric]] = &[service::METRICS, metrics::METRICS];

/// The program: what `main` does with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let about = "Takes posts over HTTP (POST /create-post, many at once by POST /create-posts) and answers 201 once Kafka has acknowledged them.";
    Program { name: "producer", about, read: Config::read }.main(arguments, run)
}

/// Serves on `listener` until `stop` is cancelled; then stops accepting, answers what is in flight, flushes, and returns.
///
/// # Errors
/// When that takes longer than the grace period, or the state file cannot be written.
pub async fn run(config: Config, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    let state = StateFile::listening(&config.service, "producer", &listener)?;
    let registry = Registry::new(METRICS);
    let metrics = Arc::new(metrics::Metrics::new(&registry));
    let tracing = Tracing::start(&config.service, "producer")?;
    let readiness = Readiness::new(&[kafka::CONDITION]);
    let publisher = Arc::new(publisher::Publisher::new(&config, &registry));
    let lanes = TaskTracker::new();
    let other_files = OTHER_FILES + kafka::connections(config.kafka.partitions);
    let max_connections = open_files::fitting_connections(config.max_connections, other_files);
    let limits = Limits { max_connections, header_timeout: config.header_timeout };
    let grace = config.service.stop_grace;

    let kafka = kafka::Supervisor::new(
        config.clone(),
        Arc::clone(&publisher),
        readiness.clone(),
        Arc::clone(&metrics),
        &registry,
        lanes.clone(),
        tracing.tracer(),
    );
    let status = status::status(&config.service, &registry, Arc::downgrade(&publisher), kafka.end_offsets());
    let health = Health::new(status.clone(), readiness, registry.clone(), stop.clone());
    let bodies = Arc::new(body::BodyReader::new(&config, &registry, stop.clone()));
    let handler = routes::Routes {
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
            () = kafka.run() => {}
            () = registry.upkeep() => {}
            () = status.upkeep() => {}
        }
        // The handler and the supervisor are gone, and with them the queues' senders: the lanes flush and end.
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
