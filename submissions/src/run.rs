//! A process: it opens the database, serves, works and sweeps until it is stopped.

use std::pin::pin;
use std::sync::{Arc, OnceLock};

use anyhow::bail;
use service::documentation::Documentation;
use service::http::body::{self, BodyReader};
use service::http::{Entrance, NoRoutes, OPERATOR_CONNECTIONS, ServerLimits, Stop};
use service::metrics::Metric;
use service::state_file::StateFile;
use service::{Access, Backoff, Health, Instruments, Listeners, Readiness, Registry, Tracing, access};
use tokio_util::sync::CancellationToken;

use crate::api::metrics::{ApiCounters, WAITING, WAITING_LIMIT};
use crate::api::{self, Api};
use crate::asking;
use crate::config::SubmissionsConfig;
use crate::metrics::{self, figures::Figures};
use crate::openapi;
use crate::operations::{Operations, OperationsConfig};
use crate::page::{self, Page};
use crate::queue::{self, Announcer, Sending};
use crate::roles::Roles;
use crate::routes::{Opened, SubmissionsRoutes};
use crate::status_page;
use crate::store::{self, Store};
use crate::submission::NewSubmission;
use crate::submit::{SubmitLimits, Submitter};
use crate::sweeper::Sweeper;
use crate::worker::Worker;

/// Every metric that a process shows, apart from those of a member of a group, which it also has with Kafka.
pub const METRICS: &[&[Metric]] =
    &[service::METRICS, access::METRICS, metrics::METRICS, queue::METRICS, api::metrics::METRICS, body::METRICS];

/// Files open besides all connections of clients and those to the database: the connections of operators, the runtime's
/// own files, and connections that end while others start.
const OTHER_FILES: usize = OPERATOR_CONNECTIONS + 100;

/// Does what its roles say until `stop` is cancelled. Then it accepts no more, answers what is in flight, gives back
/// what it works on, and returns. Until then it also answers operators.
///
/// # Errors
/// When the database cannot be opened, when stopping takes longer than the grace period, or the state file cannot be
/// written.
pub async fn run(
    config: SubmissionsConfig,
    roles: Roles,
    listeners: Listeners,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let state = StateFile::listening(&config.service, "submissions", &listeners)?;
    let page = page_address(&listeners, config.service.tls.is_some())?;
    let of_kafka = if config.kafka.is_some() { queue::METRICS_OF_KAFKA } else { &[] };
    let registry = Registry::new(&[METRICS, of_kafka].concat());
    let readiness = Readiness::new(&[&[asking::CONDITION][..], queue::conditions(&config, roles)].concat());
    let access = match roles.api {
        true => Access::start(&config.api.access, vec![api::KIND], &registry, &readiness)?,
        false => None,
    };
    let tracing = Tracing::start(&config.service, "submissions")?;
    let instruments =
        Instruments { registry: registry.clone(), readiness: readiness.clone(), tracer: tracing.tracer() };
    // Cancelled also when a part fails: the others stop as if the process had been asked to.
    let stop = stop.child_token();
    let (opened, figures) = (Arc::default(), Arc::default());
    let status = status_page::status(&config.service, &registry, roles, Arc::clone(&figures));
    let health = Health::new(status.clone(), readiness, registry.clone(), stop.clone())
        .with_token(config.service.admin_token.clone());
    let grace = config.service.stop_grace;
    let stopping = stop.clone();
    let mut deadline = pin!(async move {
        stopping.cancelled().await;
        tokio::time::sleep(grace).await;
    });
    let (server_stop, has_worked) = (Stop::from(stop.clone()), CancellationToken::new());
    let process =
        Process { config, roles, access: access.clone(), instruments, opened, figures, stop, server_stop, has_worked };
    let Listeners { clients, operators } = listeners;
    let clients = Entrance::new(clients, process.config.service.tls.as_ref())?;
    let operators = Entrance::new(operators, process.config.service.admin_tls.as_ref())?;
    let limits = process.limits();
    let serving_operators = service::http::serve_operators(operators, limits, NoRoutes, health.clone(), &registry);
    let outcome = tokio::select! {
        outcome = process.run(clients, limits, health.for_clients(), page) => outcome,
        () = serving_operators => bail!("the operators' listener ended"),
        () = registry.upkeep() => bail!("the metrics' upkeep ended"),
        () = status.upkeep() => bail!("the status' upkeep ended"),
        () = access::upkeep(access.as_ref()) => bail!("the access' upkeep ended"),
        () = &mut deadline => bail!("stopping took longer than STOP_GRACE; what was not given back is begun again"),
    };
    let totals = registry.last_totals();
    tracing.stop(deadline).await;
    let written = state.ended(totals);
    outcome.and(written)
}

/// The parts of a process, and what they share.
struct Process {
    config: SubmissionsConfig,
    roles: Roles,
    access: Option<Access>,
    instruments: Instruments,
    opened: Arc<OnceLock<Opened>>,
    figures: Arc<OnceLock<Arc<Figures>>>,
    stop: CancellationToken,
    /// That of the API's server, which continues for `STOP_DELAY`.
    server_stop: Stop,
    /// Cancelled once there is nothing left to do but to end.
    has_worked: CancellationToken,
}

impl Process {
    async fn run(&self, entrance: Entrance, limits: ServerLimits, health: Health, page: String) -> anyhow::Result<()> {
        let working = async {
            let worked = self.work(page).await;
            self.stop.cancel();
            self.has_worked.cancel();
            worked
        };
        let ((), worked) = tokio::join!(self.serve(entrance, limits, health), working);
        if let Some((store, submitter, sending)) = worked? {
            submitter.finish().await;
            // After all that may announce something.
            sending.finish().await?;
            store.close().await;
        }
        Ok(())
    }

    /// The bounds of the server for clients.
    fn limits(&self) -> ServerLimits {
        if !self.roles.api {
            return ServerLimits::FOR_OPERATORS;
        }
        self.config.api.requests.of_server(&self.config.service, OTHER_FILES + self.config.database_pool as usize)
    }

    async fn serve(&self, entrance: Entrance, limits: ServerLimits, health: Health) {
        let Self { config, instruments: Instruments { registry, .. }, .. } = self;
        if !self.roles.api {
            // Until the very end, so that an orchestrator sees the worker stopping.
            let until = self.has_worked.clone();
            return service::http::serve(entrance, limits, NoRoutes, health, registry, until).await;
        }
        let documentation = Documentation::new(&openapi::document(config.api.max_content_chars));
        let handler = SubmissionsRoutes::new(Arc::clone(&self.opened), documentation, self.access.clone());
        service::http::serve(entrance, limits, handler, health, registry, self.server_stop.clone()).await;
    }

    /// A part; if it fails the others stop, and give back what they have in hand.
    async fn or_stop(&self, part: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let ended = part.await;
        if ended.is_err() {
            self.stop.cancel();
        }
        ended
    }

    /// Opens the database, works and sweeps until the stop. Returns what must be closed once nothing is served any
    /// more.
    async fn work(&self, page: String) -> anyhow::Result<Option<(Arc<dyn Store>, Submitter, Sending)>> {
        let Self { config, roles, instruments, stop, server_stop, .. } = self;
        let Some(store) = open(config, &instruments.readiness, stop).await? else { return Ok(None) };
        let queue::Parts { announcer, queue, receiving, sending } =
            queue::parts(config, *roles, &store, instruments, stop);
        let sweeper = Sweeper::new(config, Arc::clone(&store), instruments).with_announcer(announcer.clone());
        _ = self.figures.set(sweeper.figures());
        let submitter = submitter(config, &store, &instruments.registry);
        if roles.api {
            _ = self.opened.set(parts_of_api(
                config,
                &store,
                &submitter,
                &announcer,
                instruments,
                &server_stop.closing,
                self.access.clone(),
            ));
            tracing::info!(page, "ready: open the page in a browser");
        }
        let sweeping = sweeper.run(stop.clone());
        let worker = roles.worker.then(|| Worker::new(config, Arc::clone(&store), instruments));
        let worker = worker.map(|worker| worker.with_queue(queue, announcer));
        // Only now: a process that says that it is ready can be asked for anything.
        instruments.readiness.met(asking::CONDITION);
        let working = async {
            match worker {
                Some(worker) => worker.run(stop.clone()).await,
                None => Ok(()),
            }
        };
        let (worked, swept, received) =
            tokio::join!(self.or_stop(working), self.or_stop(sweeping), self.or_stop(receiving));
        worked.and(swept).and(received)?;
        Ok(Some((store, submitter, sending)))
    }
}

/// Where a browser on this machine finds the page.
fn page_address(listeners: &Listeners, has_tls: bool) -> anyhow::Result<String> {
    let address = listeners.addresses()?.clients;
    let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { host_of(address) };
    let scheme = if has_tls { "https" } else { "http" };
    Ok(format!("{scheme}://{host}:{}/", address.port()))
}

fn host_of(address: std::net::SocketAddr) -> String {
    if address.is_ipv6() { format!("[{}]", address.ip()) } else { address.ip().to_string() }
}

/// Opens the database. A file must open at once; a server may come later, so it is tried until `stop`.
async fn open(
    config: &SubmissionsConfig,
    readiness: &Readiness,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Arc<dyn Store>>> {
    let mut backoff = Backoff::for_servers();
    loop {
        let opened = tokio::select! {
            opened = store::open(config.database_url.url(), config.database_pool) => opened,
            () = stop.cancelled() => return Ok(None),
        };
        match opened {
            Ok(store) => return Ok(Some(store)),
            Err(error) if config.database_url.is_file() => return Err(error),
            Err(error) => {
                let error = format!("{error:#}");
                if backoff.is_fresh() {
                    tracing::warn!(error, "cannot open the database yet, trying again");
                }
                readiness.unmet(asking::CONDITION, error);
            }
        }
        tokio::select! {
            () = backoff.wait() => {}
            () = stop.cancelled() => return Ok(None),
        }
    }
}

/// Hands submissions to the store. A file has one writer; a server can write one batch while it commits another.
fn submitter(config: &SubmissionsConfig, store: &Arc<dyn Store>, registry: &Registry) -> Submitter {
    let limits = SubmitLimits {
        max_waiting: config.api.max_waiting,
        timeout: config.api.submit_timeout,
        batches: if config.database_url.is_file() { 1 } else { 2 },
    };
    let store = Arc::clone(store);
    let create = move |new: Vec<NewSubmission>| {
        let store = Arc::clone(&store);
        async move { store.create(&new).await }
    };
    let submitter = Submitter::new(create, limits);
    let waiting = submitter.clone();
    registry.observe(&WAITING, move |rows| rows.row(&[], waiting.waiting() as f64));
    registry.gauge(&WAITING_LIMIT, &[]).set(limits.max_waiting as f64);
    submitter
}

fn parts_of_api(
    config: &SubmissionsConfig,
    store: &Arc<dyn Store>,
    submitter: &Submitter,
    announcer: &Announcer,
    instruments: &Instruments,
    closing: &CancellationToken,
    access: Option<Access>,
) -> Opened {
    let Instruments { registry, tracer, .. } = instruments;
    let operations_config = OperationsConfig {
        max_content_chars: config.api.max_content_chars,
        stuck_after: config.stuck_after,
        timeout: config.api.submit_timeout,
    };
    let operations = Operations::new(Arc::clone(store), submitter.clone(), operations_config, registry);
    let operations = Arc::new(operations.with_announcer(announcer.clone()));
    let bodies = Arc::new(BodyReader::new(config.api.requests.bodies, registry, closing.clone()));
    let page_limits = page::Limits {
        max_chars: config.api.max_content_chars,
        rows: page::ROWS,
        stuck_after: config.stuck_after,
        silence: config.terms.silence(),
    };
    Opened {
        api: Api::new(Arc::clone(&operations), Arc::clone(&bodies), ApiCounters::new(registry), tracer.clone()),
        page: Page::new(
            operations,
            bodies,
            ApiCounters::new(registry),
            page_limits,
            access.filter(Access::has_sign_in),
        ),
    }
}
