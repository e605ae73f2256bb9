//! The whole pipeline where everything asks who comes: Kafka by SASL over TLS (PLAIN, OAUTHBEARER and SCRAM), each
//! service with the rights that docs/security.md gives it and no others, and a store by a password over TLS.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kafka::cluster::Cluster;
use kafka::topics::{Admin, TopicSettings};
use service::{Addresses, Settings};
use stack::access::{DESCRIBE, Operation, READ, Resource, WRITE};
use stack::kafka::secure::tokens::{CLIENT_SECRET, TokenEndpoint};
use stack::kafka::secure::{SecureBroker, password};
use stack::store::secure::SecureStore;
use tokio_util::sync::CancellationToken;

use crate::pipeline::{exchange, free_listeners};
use crate::room::Room;
use crate::run::{PATIENT, THRESHOLD};

const USERS: [&str; 3] = ["producer", "consumer", "loadtest"];

/// The user of the store, and his password.
const STORE_USER: (&str, &str) = ("consumer", "store-password");

/// The commands of docs/security.md that give the rights without which nothing works.
fn rules() -> Vec<(String, Operation, Resource<'static>)> {
    let document = include_str!("../../../docs/security.md");
    let value = |line: &'static str, name: &str| line.split_once(name).map(|(_, rest)| rest.split(' ').next().unwrap());
    let rule = |line: &'static str| {
        let user = value(line, "User:")?.to_owned();
        let operation = match value(line, "--operation ")? {
            "Read" => READ,
            "Write" => WRITE,
            "Describe" => DESCRIBE,
            other => panic!("{other}"),
        };
        let topic = value(line, "--topic ").map(Resource::Topic);
        Some((user, operation, topic.or_else(|| value(line, "--group ").map(Resource::Group))?))
    };
    let needed = document.split("### Rights").nth(1).and_then(|after| after.split("```").nth(1));
    needed.unwrap().lines().filter(|line| line.starts_with("kafka-acls.sh")).filter_map(rule).collect()
}

/// Kafka's settings for this user, each of whom comes by a mechanism of his own.
fn kafka(broker: &SecureBroker, tokens: &TokenEndpoint, user: &str) -> HashMap<&'static str, String> {
    let mechanism = match user {
        "producer" => "PLAIN",
        "consumer" => "OAUTHBEARER",
        _ => "SCRAM-SHA-512",
    };
    let secret = |text| broker.file(user, text).unwrap().display().to_string();
    let credential = match mechanism {
        "OAUTHBEARER" => vec![
            ("KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", tokens.url()),
            ("KAFKA_SASL_OAUTHBEARER_CLIENT_ID", user.to_owned()),
            ("KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET_FILE", secret(CLIENT_SECRET)),
            ("KAFKA_SASL_OAUTHBEARER_SCOPE", "kafka".to_owned()),
        ],
        _ => vec![("KAFKA_SASL_USERNAME", user.to_owned()), ("KAFKA_SASL_PASSWORD_FILE", secret(&password(user)))],
    };
    let others = [
        ("KAFKA_BROKER", broker.users()),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL".to_owned()),
        ("KAFKA_SASL_MECHANISM", mechanism.to_owned()),
        ("KAFKA_SSL_CA", broker.ca.display().to_string()),
        ("KINDS", "post".to_owned()),
    ];
    credential.into_iter().chain(others).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_proven_where_everybody_has_only_the_rights_he_needs() {
    let _room = tokio::task::block_in_place(Room::shared);
    let (broker, store) =
        tokio::join!(SecureBroker::start(&USERS), SecureStore::start("scalable-api", STORE_USER.0, STORE_USER.1));
    let (broker, store, tokens) = (broker.unwrap(), store.unwrap(), TokenEndpoint::start().await.unwrap());
    let rules = rules();
    assert!(USERS.iter().all(|user| rules.iter().any(|(of, ..)| of == user)), "the document has rules for all");
    for (user, operation, resource) in rules {
        broker.grant(&user, resource, operation).await.unwrap();
    }
    let admin = Admin::new(&Cluster::plaintext(&broker.server.address()), "test", Duration::from_secs(30)).unwrap();
    for topic in ["post", "post.dlq"] {
        admin.create(topic, &TopicSettings { partitions: 2, replication: 1, configs: Vec::new() }).await.unwrap();
    }
    let uri = store.uri(STORE_USER.0, STORE_USER.1);
    let mongo_uri = broker.file("mongo-uri", &uri).unwrap();

    let mut of_consumer = kafka(&broker, &tokens, "consumer");
    of_consumer.insert("MONGO_URI_FILE", mongo_uri.display().to_string());
    of_consumer.insert("CONSUMER_BATCH_INTERVAL", "200ms".to_owned());
    let mut of_producer = kafka(&broker, &tokens, "producer");
    of_producer.insert(PATIENT.0, PATIENT.1.to_owned());
    let lookup = |name: &str| of_producer.get(name).cloned();
    let mut settings = Settings::new(&lookup);
    let producer = producer::ProducerConfig::read(&mut settings);
    assert_eq!(settings.finish().1, []);
    let lookup = |name: &str| of_consumer.get(name).cloned();
    let mut settings = Settings::new(&lookup);
    let consumer = consumer::ConsumerConfig::read(&mut settings);
    assert_eq!(settings.finish().1, []);

    let (stop, listeners) = (CancellationToken::new(), free_listeners().await);
    let Addresses { clients, operators } = listeners.addresses().unwrap();
    let services = [
        tokio::spawn(producer::run(producer, listeners, stop.clone())),
        tokio::spawn(consumer::run(consumer, free_listeners().await, stop.clone())),
    ];
    let request = "GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    while !exchange(&clients.to_string(), request).await.unwrap().contains("200 OK") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let report = tempfile::tempdir().unwrap();
    let mut run = loadtest(&broker, &tokens, report.path());
    let (target, metrics) = (format!("http://{clients}"), format!("http://{operators}"));
    run.args(["--target", &target, "--target-metrics", &metrics, "--mongo-uri", &uri]);
    let output = tokio::task::spawn_blocking(move || run.output()).await.unwrap().unwrap();
    let text = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}");
    let report = crate::report(report.path());
    assert!(report["accepted"].as_u64().unwrap() > 50, "{text}");
    assert_eq!(report["stored"], report["accepted"], "{text}");
    stop.cancel();
    for service in services {
        tokio::time::timeout(Duration::from_secs(30), service).await.expect("it stops in time").unwrap().unwrap();
    }
}

fn loadtest(broker: &SecureBroker, tokens: &TokenEndpoint, report: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["run", "--duration", "3s", "--vus", "20", "--think", "100ms", "--report"]).arg(report);
    command.args(THRESHOLD).envs(kafka(broker, tokens, "loadtest"));
    command
}
