//! The whole stack: brokers and one store, wherever they come from.

use anyhow::Context;

use crate::cache;
use crate::choice::{Choice, Given, choose};
use crate::compose::Compose;
use crate::native::{self, Native};
use crate::options::{Options, StackKind};
use crate::server::Server;
use crate::store;
use crate::tools::Tools;
use crate::toxiproxy::Toxiproxy;

/// Brokers and a store. Dropping it ends what it started and removes the data; so does the end of this process, however
/// that comes.
#[derive(Debug)]
pub struct Stack {
    /// The native brokers.
    pub brokers: Vec<Server>,
    /// The store, if it is native.
    pub store: Option<Server>,
    /// The proxies in front of them, if requested.
    pub proxy: Option<Toxiproxy>,
    /// One line that says what was chosen, and why.
    pub chosen: String,
    kafka_broker: String,
    mongo_uri: String,
    compose: Option<Compose>,
}

impl Stack {
    /// Finds or starts both servers. Those that it starts answer when it returns; it does not contact those that are
    /// given. `lookup` is the environment: it reads `KAFKA_BROKER`, `MONGO_URI`, `MONGOD`, `PATH`, `JAVA_HOME` and
    /// `KAFKA_JVM_PERFORMANCE_OPTS`.
    pub async fn start(options: &Options, lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Stack> {
        let tools = Tools::new(&lookup);
        match choose(options, Given::new(&lookup))? {
            Choice::Processes { given, why } => processes(options, &tools, given, why).await,
            Choice::Docker { or_native } => match containers(options, &tools).await {
                Ok(stack) => Ok(stack),
                Err(error) if or_native => processes(options, &tools, Given::default(), format!("{error:#}")).await,
                Err(error) => Err(error).context("--stack docker does not work here"),
            },
        }
    }

    /// What clients connect to: `127.0.0.1:port` for each broker, separated by commas, or what `KAFKA_BROKER` says.
    pub fn kafka_broker(&self) -> &str {
        &self.kafka_broker
    }

    /// Whether `KAFKA_BROKER` named the brokers, so that they may ask for more than an address.
    pub fn is_kafka_given(&self) -> bool {
        self.brokers.is_empty() && self.compose.is_none()
    }

    /// What clients connect to: `mongodb://127.0.0.1:port/scalable-api`, for a container with user and password, or
    /// what `MONGO_URI` says.
    pub fn mongo_uri(&self) -> &str {
        &self.mongo_uri
    }

    /// Ends what was started and waits until its data are gone. Native servers are killed, because nobody needs their
    /// data.
    pub async fn stop(self) -> anyhow::Result<()> {
        let servers = async {
            for server in self.brokers.into_iter().chain(self.store).chain(self.proxy.map(|proxy| proxy.server)) {
                server.discard().await?;
            }
            anyhow::Ok(())
        };
        let compose = async {
            match self.compose {
                Some(compose) => compose.down().await,
                None => Ok(()),
            }
        };
        let (servers, compose) = tokio::join!(servers, compose);
        servers.and(compose)
    }
}

async fn containers(options: &Options, tools: &Tools) -> anyhow::Result<Stack> {
    let file = cache::workspace().join("docker-compose.yml");
    let compose = Compose::up(tools, &file, &cache::directory()?, options.progress).await?;
    let why = match options.stack {
        StackKind::Docker => "--stack docker",
        _ => "an engine answers",
    };
    Ok(Stack {
        brokers: Vec::new(),
        store: None,
        proxy: None,
        chosen: format!("Kafka and MongoDB are containers of Docker Compose, project {} ({why})", compose.project),
        kafka_broker: format!("127.0.0.1:{}", compose.kafka_port),
        mongo_uri: compose.mongo_uri(),
        compose: Some(compose),
    })
}

/// Uses what is given, and starts native servers for the rest.
async fn processes(options: &Options, tools: &Tools, given: Given, mut why: String) -> anyhow::Result<Stack> {
    let Native { brokers, store, proxy, is_stand_in } = native::start(options, tools, &given).await?;
    if is_stand_in {
        why.push_str("; neither MONGOD nor PATH has a mongod");
    }
    let kafka_is = match brokers.as_slice() {
        [] => "given by KAFKA_BROKER".to_owned(),
        [broker] => format!("a native {}", broker.name()),
        [broker, ..] => format!("{} brokers of a native {}", brokers.len(), broker.name()),
    };
    let store_is =
        store.as_ref().map_or("given by MONGO_URI".to_owned(), |server| format!("a native {}", server.name()));
    let behind = proxy.as_ref().map_or(String::new(), |proxy| format!(", behind {}", proxy.server.name()));
    // Where a proxy stands in front of a server, clients must know only the proxy.
    let port = |server: &Server| proxy.as_ref().and_then(|proxy| proxy.port_before(server)).unwrap_or(server.port());
    let addresses: Vec<String> = brokers.iter().map(|broker| format!("127.0.0.1:{}", port(broker))).collect();
    let kafka_broker = if addresses.is_empty() { given.kafka_broker } else { Some(addresses.join(",")) };
    let mongo_uri = store.as_ref().map(|server| store::uri(port(server))).or(given.mongo_uri);
    Ok(Stack {
        chosen: format!("Kafka is {kafka_is}, the store is {store_is}{behind} ({why})"),
        kafka_broker: kafka_broker.unwrap_or_default(),
        mongo_uri: mongo_uri.unwrap_or_default(),
        brokers,
        store,
        proxy,
        compose: None,
    })
}
