//! The pipeline under test: one that the lab brings up (servers and services), or one that runs already.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use contract::Write;
use kafka::Cluster;
use stack::Stack;
use tokio_util::sync::CancellationToken;

use crate::load::access::Access;
use crate::load::target::Target;
use crate::pipeline::news;
use crate::pipeline::place::TrialPlace;
use crate::pipeline::services::{ServiceOptions, ServicePorts, Services};
use crate::pipeline::settings::{BATCH_MESSAGES, Lookup, PipelineSettings, of_kind};
use crate::pipeline::store::Documents;

/// A pipeline that takes posts.
pub(crate) struct PipelineUnderTest {
    /// Where posts go.
    pub(crate) target: Target,
    /// Where the server that takes them shows its metrics, if it has any.
    pub(crate) metrics: Target,
    /// Where the documents are; `None` if they cannot be reached.
    pub(crate) documents: Option<Documents>,
    /// Where Kafka is, if that is known.
    pub(crate) kafka: Option<Cluster>,
    /// One line that says where the pipeline comes from.
    pub(crate) chosen: String,
    /// What the lab has started itself. The services come first, so that they are dropped before the servers.
    pub(crate) services: Option<Services>,
    /// What the services were started with.
    pub(crate) service_options: Option<ServiceOptions>,
    pub(crate) stack: Option<Stack>,
}

/// Ports of the services.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) producer: ServicePorts,
    pub(crate) consumer: ServicePorts,
}

impl Ports {
    /// These, or free ones where they are taken.
    pub(crate) fn near(producer: ServicePorts, consumer: ServicePorts) -> Self {
        let near = |ports: ServicePorts| ServicePorts {
            clients: free_or_another(ports.clients),
            operators: free_or_another(ports.operators),
        };
        Self { producer: near(producer), consumer: near(consumer) }
    }

    /// Free ones.
    pub(crate) fn free() -> Self {
        Self { producer: ServicePorts::free(), consumer: ServicePorts::free() }
    }
}

/// What requests to a pipeline that runs already carry.
#[derive(Debug, Default)]
pub(crate) struct Accesses {
    /// Those of its clients.
    pub(crate) clients: Arc<Access>,
    /// Those of its operators, if their address is named.
    pub(crate) operators: Arc<Access>,
}

impl PipelineUnderTest {
    /// Starts everything, the services with `more` variables. `stop` ends the attempt.
    pub(crate) async fn start(
        options: &stack::Options,
        lookup: Lookup<'_>,
        settings: &PipelineSettings,
        ports: Ports,
        more: Vec<(&'static str, String)>,
        logs: &Path,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let stack = start_stack(options, lookup, stop).await?;
        let options = service_options(&stack, lookup, settings, ports, more, logs);
        let services = unless_stopped(stop, Services::start(&options)).await?;
        Ok(Self {
            target: services.producer.target.clone(),
            metrics: services.producer.operators.clone(),
            documents: Some(Documents::of(settings.kind, options.mongo_uri.clone())),
            kafka: Some(options.kafka.clone()),
            chosen: stack.chosen.clone(),
            services: Some(services),
            service_options: Some(options),
            stack: Some(stack),
        })
    }

    /// Starts services again where those that the lab had started were stopped, with other ports and logs, and at this
    /// place if there is one. `stop` ends the attempt.
    pub(crate) async fn start_again(
        &mut self,
        place: Option<&TrialPlace>,
        logs: &Path,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let Some(options) = &self.service_options else { return Ok(()) };
        let ports = Ports::free();
        let mut options = ServiceOptions {
            producer_ports: ports.producer,
            consumer_ports: ports.consumer,
            logs: logs.to_owned(),
            ..options.clone()
        };
        if let Some(place) = place {
            options.more.extend(place.variables());
            self.documents = Some(Documents::of(options.kind, place.mongo_uri.clone()));
        }
        let services = unless_stopped(stop, Services::start(&options)).await?;
        self.target = services.producer.target.clone();
        self.metrics = services.producer.operators.clone();
        self.services = Some(services);
        Ok(())
    }

    /// One that runs already. Its metrics are where posts go, unless they are named.
    pub(crate) async fn running(
        url: &str,
        metrics_url: Option<&str>,
        accesses: Accesses,
        documents: Option<Documents>,
        kafka: Option<Cluster>,
    ) -> anyhow::Result<Self> {
        let target = Target::resolve("--target", url, accesses.clients).await?;
        let metrics = match metrics_url {
            Some(url) => Target::resolve("--target-metrics", url, accesses.operators).await?,
            None => target.clone(),
        };
        let chosen = format!("the pipeline runs already, at {url}");
        Ok(Self { target, metrics, documents, kafka, chosen, services: None, service_options: None, stack: None })
    }

    /// Ends the servers that the lab has started, and removes their data.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        drop(self.services);
        match self.stack {
            Some(stack) => stack.stop().await,
            None => Ok(()),
        }
    }
}

/// This port, or a free one where it is taken.
pub(crate) fn free_or_another(port: u16) -> u16 {
    match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) {
        Ok(_) => port,
        Err(_) => stack::free_port(),
    }
}

/// Finds or starts Kafka and the store, and says what was chosen. `stop` ends the attempt.
pub(crate) async fn start_stack(
    options: &stack::Options,
    lookup: Lookup<'_>,
    stop: &CancellationToken,
) -> anyhow::Result<Stack> {
    let stack = unless_stopped(stop, Stack::start(options, lookup)).await?;
    news::say(&stack.chosen);
    Ok(stack)
}

/// What the services are started with, on these servers, with `more` variables.
pub(crate) fn service_options(
    stack: &Stack,
    lookup: Lookup<'_>,
    settings: &PipelineSettings,
    ports: Ports,
    mut more: Vec<(&'static str, String)>,
    logs: &Path,
) -> ServiceOptions {
    let log_format = settings.producer.get("LOG_FORMAT").filter(|format| *format != "auto");
    if stack.brokers.len() > 1 && lookup("KAFKA_REPLICATION").is_none() {
        more.push(("KAFKA_REPLICATION", stack.brokers.len().to_string()));
    }
    if settings.kind.write() == Write::Upsert {
        more.push((of_kind(settings.kind, BATCH_MESSAGES), settings.group().limits.batch.messages.to_string()));
    }
    ServiceOptions {
        kind: settings.kind,
        // People read the files.
        log_format: log_format.map_or("text".to_owned(), String::clone),
        kafka: cluster(stack, settings),
        mongo_uri: stack.mongo_uri().to_owned(),
        producer_ports: ports.producer,
        consumer_ports: ports.consumer,
        more,
        logs: logs.to_owned(),
    }
}

/// Where Kafka is: brokers that the lab has started ask for nothing, whatever the environment says.
pub(crate) fn cluster(stack: &Stack, settings: &PipelineSettings) -> Cluster {
    let started = Cluster::plaintext(stack.kafka_broker());
    match stack.is_kafka_given() {
        true => Cluster { security: settings.group().cluster.security.clone(), ..started },
        false => started,
    }
}

/// What `starting` returns, if it does so before `stop`.
pub(crate) async fn unless_stopped<T>(
    stop: &CancellationToken,
    starting: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        started = starting => started,
        () = stop.cancelled() => anyhow::bail!("interrupted before everything was up"),
    }
}
