//! Native servers: first looks for everything that they need, then starts them all at once.

use std::path::Path;

use anyhow::anyhow;
use tokio::task::JoinSet;

use crate::choice::Given;
use crate::kafka::{self, BrokerOptions, KafkaPrograms, Voter};
use crate::options::{Options, StoreKind};
use crate::progress::OnProgress;
use crate::server::Server;
use crate::store::{self, StoreOptions, StoreProgram};
use crate::tools::Tools;
use crate::toxiproxy::{self, Link, Toxiproxy};
use crate::{cache, free_port};

/// The servers that were started.
pub(crate) struct Native {
    pub(crate) brokers: Vec<Server>,
    pub(crate) store: Option<Server>,
    pub(crate) proxy: Option<Toxiproxy>,
    /// Whether the store stands in for a `mongod` because there is none.
    pub(crate) is_stand_in: bool,
}

/// Starts what is not given.
pub(crate) async fn start(options: &Options, tools: &Tools, given: &Given) -> anyhow::Result<Native> {
    let directory = cache::directory()?;
    let brokers = if given.kafka_broker.is_none() { broker_options(options) } else { Vec::new() };
    let store_port = free_port();
    let store_options = StoreOptions { kind: options.store, port: Some(store_port), progress: options.progress };

    let mut missing = Vec::new();
    let kafka_programs = match brokers.first() {
        Some(broker) => kafka::check(broker, tools, &directory).await.map_err(|more| missing.extend(more)).ok(),
        None => None,
    };
    let store_program = match given.mongo_uri {
        Some(_) => None,
        None => store::check(&store_options, tools, &directory).await.map_err(|more| missing.extend(more)).ok(),
    };
    let go = if options.proxied && !toxiproxy::is_built(&directory) {
        tools.go(&toxiproxy::BUILT).await.map_err(|more| missing.push(more)).ok()
    } else {
        None
    };
    if !missing.is_empty() {
        // Several may report the same full disk or the same missing tool.
        missing.dedup();
        return Err(anyhow!(missing.join("\n")));
    }

    let is_stand_in = options.store == StoreKind::Auto && matches!(store_program, Some(StoreProgram::Ferretdb { .. }));
    let links = links(&brokers, store_program.is_some().then_some(store_port));
    let brokers = async {
        match kafka_programs {
            Some(programs) => start_brokers(brokers, programs, &directory, options.progress).await,
            None => Ok(Vec::new()),
        }
    };
    let store = async {
        match store_program {
            Some(program) => store::run(&store_options, program, &directory).await.map(Some),
            None => Ok(None),
        }
    };
    let proxy = async {
        if options.proxied {
            toxiproxy::run(go.as_deref(), links, &directory, options.progress).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let (brokers, store, proxy) = tokio::try_join!(brokers, store, proxy)?;
    Ok(Native { brokers, store, proxy, is_stand_in })
}

/// The options of a cluster's brokers, on free ports that all of them know.
fn broker_options(options: &Options) -> Vec<BrokerOptions> {
    let voters: Vec<Voter> = (1..=options.brokers).map(|node_id| Voter { node_id, port: free_port() }).collect();
    let broker = |voter: &Voter| BrokerOptions {
        port: Some(free_port()),
        advertised_port: options.proxied.then(free_port),
        node_id: voter.node_id,
        voters: voters.clone(),
        listeners: Vec::new(),
        more_properties: String::new(),
        more_format_arguments: Vec::new(),
        progress: options.progress,
    };
    voters.iter().map(broker).collect()
}

/// A cluster is ready only when most of its brokers run, so they start together.
async fn start_brokers(
    brokers: Vec<BrokerOptions>,
    programs: KafkaPrograms,
    directory: &Path,
    progress: OnProgress,
) -> anyhow::Result<Vec<Server>> {
    let jars = kafka::jars(&programs, directory, progress).await?;
    let mut starting = JoinSet::new();
    for broker in brokers {
        let (programs, jars, directory) = (programs.clone(), jars.clone(), directory.to_owned());
        starting.spawn(async move { (broker.node_id, kafka::run(&broker, &programs, &jars, &directory).await) });
    }
    let mut started = starting.join_all().await;
    started.sort_by_key(|(node_id, _)| *node_id);
    started.into_iter().map(|(_, server)| server).collect()
}

/// The proxies in front of these servers.
fn links(brokers: &[BrokerOptions], store_port: Option<u16>) -> Vec<Link> {
    let broker = |broker: &BrokerOptions| {
        Some(Link {
            name: format!("broker-{}", broker.node_id),
            port: broker.advertised_port?,
            server_port: broker.port?,
        })
    };
    let store = store_port.map(|server_port| Link { name: "store".to_owned(), port: free_port(), server_port });
    brokers.iter().filter_map(broker).chain(store).collect()
}
