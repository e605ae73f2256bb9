//! `loadtest up`: everything runs until Ctrl-C, to try things out by hand.

use kafka::Cluster;
use std::process::ExitCode;

use anyhow::Context;
use stack::Stack;
use tokio_util::sync::CancellationToken;

use crate::command::interrupt;
use crate::command::options::UpOptions;
use crate::ledger::post::RunId;
use crate::pipeline::services::ServicePorts;
use crate::pipeline::settings::{Lookup, PipelineSettings};
use crate::pipeline::under_test::{PipelineUnderTest, Ports, start_stack};
use crate::report::files::make_directory;

mod prometheus;

/// The services' default ports.
const PRODUCER_PORTS: ServicePorts = ServicePorts { clients: 3000, operators: 3100 };
const CONSUMER_PORTS: ServicePorts = ServicePorts { clients: 3001, operators: 3101 };

/// Up, until a signal.
pub(crate) async fn up(options: UpOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let stop = interrupt::stop_on_signal("stopping; a second Ctrl-C ends at once")?;
    let settings = PipelineSettings::read(lookup)?;
    let ports = Ports::near(PRODUCER_PORTS, CONSUMER_PORTS);
    if options.stack_only {
        stack_only(&options, lookup, ports, &stop).await
    } else {
        all(&options, lookup, &settings, ports, &stop).await
    }
}

async fn all(
    options: &UpOptions,
    lookup: Lookup<'_>,
    settings: &PipelineSettings,
    ports: Ports,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let logs = make_directory(None, &format!("up-{}", RunId::fresh()))?;
    // Empty is every kind, those of KINDS_DIR too.
    let kinds = vec![("KINDS", lookup("KINDS").unwrap_or_default())];
    let mut pipeline =
        PipelineUnderTest::start(&options.servers(), lookup, settings, ports, kinds, &logs, stop).await?;
    let services = pipeline.services.take().context("the services are started with the pipeline")?;
    let prometheus = prometheus::start(lookup, ports, options.servers().progress).await?;
    let seen_at = prometheus.as_ref().map_or_else(
        || "none: neither PROMETHEUS nor PATH has one".to_owned(),
        |server| format!("http://{}/graph", server.address()),
    );
    let producer = format!("http://127.0.0.1:{}", ports.producer.clients);
    println!(
        "\nproducer   {of_producer}\n\
         consumer   {of_consumer}\n\
         Kafka      {kafka}\n\
         store      {mongo}\n{proxy}\
         Prometheus {seen_at}\n\
         logs       {logs}\n\n\
         try it:\n  \
         curl -i {producer}/create-post -H 'content-type: application/json' \\\n    \
         -d '{{\"title\":\"Hello\",\"content\":\"A first post through the pipeline\"}}'\n  \
         curl -i {producer}/api/orders/ -H 'content-type: application/json' \\\n    \
         -d '{{\"order_id\":\"A-1\",\"customer_id\":\"C-1\",\"product_id\":\"P-1\",\
         \"quantity\":2,\"price\":\"19.99\"}}'\n\n\
         where is a post:\n  \
         cargo run --release -p loadtest -- show --kafka-broker {kafka} --mongo-uri '{mongo}' ID\n\n\
         Ctrl-C stops everything and removes its data.",
        of_producer = addresses(ports.producer),
        of_consumer = addresses(ports.consumer),
        kafka = pipeline.kafka.as_ref().map(Cluster::bootstrap).unwrap_or_default(),
        proxy = pipeline.stack.as_ref().map(proxy).unwrap_or_default(),
        mongo = pipeline.documents.as_ref().map_or("", |documents| &documents.uri),
        logs = logs.display(),
    );
    let failure = tokio::select! {
        () = stop.cancelled() => None,
        failure = services.failure() => Some(failure),
    };
    drop(prometheus);
    let mut faults = services.stop().await;
    if let Some(failure) = failure {
        faults = vec![failure];
    }
    pipeline.stop().await?;
    anyhow::ensure!(faults.is_empty(), faults.join("\n"));
    Ok(ExitCode::SUCCESS)
}

async fn stack_only(
    options: &UpOptions,
    lookup: Lookup<'_>,
    ports: Ports,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let stack = start_stack(&options.servers(), lookup, stop).await?;
    let (kafka, mongo) = (stack.kafka_broker(), stack.mongo_uri());
    println!(
        "\nKafka      {kafka}\nstore      {mongo}\n{proxy}\n\
         start the services, each in its own terminal:\n  \
         KAFKA_BROKER={kafka} {of_producer} cargo run --release -p producer\n  \
         KAFKA_BROKER={kafka} MONGO_URI='{mongo}' {of_consumer} cargo run --release -p consumer\n\n\
         then apply load:\n  \
         KAFKA_BROKER={kafka} cargo run --release -p loadtest -- --target http://127.0.0.1:{} \\\n    \
         --target-metrics http://127.0.0.1:{} --mongo-uri '{mongo}'\n\n\
         Ctrl-C stops Kafka and the store and removes their data.",
        ports.producer.clients,
        ports.producer.operators,
        of_producer = variables(ports.producer),
        of_consumer = variables(ports.consumer),
        proxy = proxy(&stack),
    );
    stop.cancelled().await;
    stack.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Where a service is.
fn addresses(ports: ServicePorts) -> String {
    let operators = format!("http://127.0.0.1:{}", ports.operators);
    format!("http://127.0.0.1:{}   status: {operators}/status   metrics: {operators}/metrics", ports.clients)
}

/// What puts a service there.
fn variables(ports: ServicePorts) -> String {
    format!("PORT={} ADMIN_PORT={}", ports.clients, ports.operators)
}

/// A line that says where to ask for faults, if there is such a place.
fn proxy(stack: &Stack) -> String {
    stack.proxy.as_ref().map_or_else(String::new, |proxy| {
        let names: Vec<&str> = proxy.links.iter().map(|link| link.name.as_str()).collect();
        format!("Toxiproxy  http://{}/proxies   before {}\n", proxy.server.address(), names.join(", "))
    })
}
