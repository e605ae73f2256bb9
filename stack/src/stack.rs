//! The whole stack: one broker and one store, wherever they come from.

use anyhow::{Context, anyhow};

use crate::cache;
use crate::choice::{Choice, Given, choose};
use crate::compose::Compose;
use crate::kafka::{self, BrokerOptions};
use crate::options::{Options, StackKind, StoreKind};
use crate::server::Server;
use crate::store::{self, Program, StoreOptions};
use crate::tools::Tools;

/// A broker and a store. Dropping it ends what it started and removes the data; so does the end of this
/// process, however it ends.
#[derive(Debug)]
pub struct Stack {
    /// The broker, if it is a native process.
    pub kafka: Option<Server>,
    /// The store, if it is a native process.
    pub store: Option<Server>,
    /// One line: what was chosen, and why.
    pub chosen: String,
    kafka_broker: String,
    mongo_uri: String,
    compose: Option<Compose>,
}

impl Stack {
    /// Finds or starts both servers. Those that it starts answer when it returns; those that are given are not asked.
    /// `lookup` is the environment, of which `KAFKA_BROKER`, `MONGO_URI`, `MONGOD`, `PATH` and `JAVA_HOME` are read.
    pub async fn start(options: &Options, lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Stack> {
        let tools = Tools::new(&lookup);
        match choose(options.stack, options.store, Given::new(&lookup))? {
            Choice::Processes { given, why } => processes(options, &tools, given, &why).await,
            Choice::Docker { or_native } => match containers(options, &tools).await {
                Ok(stack) => Ok(stack),
                Err(error) if or_native => processes(options, &tools, Given::default(), &format!("{error:#}")).await,
                Err(error) => Err(error).context("--stack docker does not work here"),
            },
        }
    }

    /// What clients connect to: `127.0.0.1:port`, or what `KAFKA_BROKER` says.
    pub fn kafka_broker(&self) -> &str {
        &self.kafka_broker
    }

    /// What clients connect to: `mongodb://127.0.0.1:port/scalable-api`, or what `MONGO_URI` says.
    pub fn mongo_uri(&self) -> &str {
        &self.mongo_uri
    }

    /// Ends what was started and waits until its data are gone. Native servers are killed: nobody needs the data again.
    pub async fn stop(self) -> anyhow::Result<()> {
        let kafka = async {
            match self.kafka {
                Some(kafka) => kafka.discard().await,
                None => Ok(()),
            }
        };
        let store = async {
            match self.store {
                Some(store) => store.discard().await,
                None => Ok(()),
            }
        };
        let compose = async {
            match self.compose {
                Some(compose) => compose.down().await,
                None => Ok(()),
            }
        };
        let (kafka, store, compose) = tokio::join!(kafka, store, compose);
        kafka.and(store).and(compose)
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
        kafka: None,
        store: None,
        chosen: format!("Kafka and MongoDB are containers of Docker Compose, project {} ({why})", compose.project),
        kafka_broker: format!("127.0.0.1:{}", compose.kafka_port),
        mongo_uri: store::uri(compose.mongo_port),
        compose: Some(compose),
    })
}

/// Starts what is not given, both at once, after everything that either needs was looked for.
async fn processes(options: &Options, tools: &Tools, given: Given, why: &str) -> anyhow::Result<Stack> {
    let broker_options = BrokerOptions { progress: options.progress, ..BrokerOptions::default() };
    let store_options = StoreOptions { kind: options.store, port: None, progress: options.progress };
    let directory = cache::directory()?;

    let mut missing = Vec::new();
    let kafka_programs = match given.kafka_broker {
        Some(_) => None,
        None => kafka::check(&broker_options, tools, &directory).await.map_err(|more| missing.extend(more)).ok(),
    };
    let store_program = match given.mongo_uri {
        Some(_) => None,
        None => store::check(&store_options, tools, &directory).await.map_err(|more| missing.extend(more)).ok(),
    };
    if !missing.is_empty() {
        // Both may complain of the same full disk.
        missing.dedup();
        return Err(anyhow!(missing.join("\n")));
    }

    let mut why = why.to_owned();
    if options.store == StoreKind::Auto && matches!(store_program, Some(Program::Ferretdb { .. })) {
        why.push_str("; neither MONGOD nor PATH has a mongod");
    }
    let kafka = async {
        match kafka_programs {
            Some(programs) => kafka::run(&broker_options, programs, &directory).await.map(Some),
            None => Ok(None),
        }
    };
    let store = async {
        match store_program {
            Some(program) => store::run(&store_options, program, &directory).await.map(Some),
            None => Ok(None),
        }
    };
    let (kafka, store) = tokio::try_join!(kafka, store)?;
    let kafka_is =
        kafka.as_ref().map_or("given by KAFKA_BROKER".to_owned(), |server| format!("a native {}", server.name()));
    let store_is =
        store.as_ref().map_or("given by MONGO_URI".to_owned(), |server| format!("a native {}", server.name()));
    Ok(Stack {
        chosen: format!("Kafka is {kafka_is}, the store is {store_is} ({why})"),
        kafka_broker: kafka.as_ref().map(Server::address).or(given.kafka_broker).unwrap_or_default(),
        mongo_uri: store.as_ref().map(|server| store::uri(server.port())).or(given.mongo_uri).unwrap_or_default(),
        kafka,
        store,
        compose: None,
    })
}
