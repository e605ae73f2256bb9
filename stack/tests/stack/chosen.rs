//! What the stack chooses, with real servers.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use stack::store::{self, StoreOptions};
use stack::{Options, Stack, StackKind, environment};
use tokio::net::TcpStream;

/// The environment of this process with some variables changed.
fn with(changed: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
    let changed: HashMap<String, String> =
        changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| changed.get(name).cloned().or_else(|| environment(name))
}

#[tokio::test]
async fn given_servers_need_no_tool() {
    let lookup = with(&[("PATH", ""), ("KAFKA_BROKER", "kafka:9092"), ("MONGO_URI", "mongodb://user:secret@mongo/db")]);
    let stack = Stack::start(&Options::default(), lookup).await.unwrap();
    assert_eq!((stack.kafka_broker(), stack.mongo_uri()), ("kafka:9092", "mongodb://user:secret@mongo/db"));
    assert_eq!(
        stack.chosen,
        "Kafka is given by KAFKA_BROKER, the store is given by MONGO_URI (KAFKA_BROKER and MONGO_URI are set)"
    );
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn where_one_server_is_given_the_other_is_native() {
    let lookup = with(&[("KAFKA_BROKER", "kafka:9092"), ("MONGO_URI", "")]);
    let stack = Stack::start(&Options::default(), lookup).await.unwrap();
    assert_eq!(stack.kafka_broker(), "kafka:9092");
    assert!(stack.brokers.is_empty());
    assert!(stack.chosen.contains("(MONGO_URI is not set, and the other is"), "{}", stack.chosen);

    let store = stack.store.as_ref().unwrap();
    assert_eq!(stack.mongo_uri(), store::uri(store.port()));
    let (port, directory) = (store.port(), store.log().parent().unwrap().to_owned());
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    stack.stop().await.unwrap();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err());
    assert!(!directory.exists(), "{} is still there", directory.display());
}

#[tokio::test]
async fn without_tools_the_error_says_what_to_install() {
    let nothing = |_: &str| None;
    let error = Stack::start(&Options::default(), nothing).await.unwrap_err().to_string();
    assert!(error.starts_with("Kafka needs Java 17 or newer on this machine"), "{error}");

    let options = Options { stack: StackKind::Docker, ..Options::default() };
    let error = format!("{:#}", Stack::start(&options, nothing).await.unwrap_err());
    assert_eq!(error, "--stack docker does not work here: there is no docker on PATH");
}

/// There is no real `mongod` to be had everywhere, so a script takes its arguments and runs the other store.
#[tokio::test]
async fn a_mongod_is_started_with_its_own_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let mongod = folder.path().join("mongod");
    // Makes sure that FerretDB is built.
    drop(store::start(&StoreOptions::default(), with(&[("MONGOD", "")])).await.unwrap());
    let ferretdb = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/stack/ferretdb-1.24.2/ferretdb");
    let script = format!(
        "#!/bin/sh\necho \"$@\"\n\
         [ \"$*\" = \"--dbpath data --bind_ip 127.0.0.1 --port $6 --nounixsocket\" ] || exit 2\n\
         exec '{}' \"127.0.0.1:$6\" file:data/\n",
        ferretdb.display()
    );
    // A shell writes it: if another test forked while the file is open for writing here, it could not be run.
    let write = r#"printf '%s' "$2" > "$1" && chmod 755 "$1""#;
    let written = Command::new("/bin/sh").args(["-c", write, "write"]).arg(&mongod).arg(script).status().unwrap();
    assert!(written.success());

    let lookup = with(&[("MONGOD", mongod.to_str().unwrap())]);
    let server = store::start(&StoreOptions::default(), lookup).await.unwrap();
    assert_eq!(server.name(), format!("mongod ({})", mongod.display()));
    TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).await.unwrap();
}
