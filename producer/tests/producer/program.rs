//! The program: its command line, its exit codes, its signals.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use service::Addresses;
use service::state_file::ServiceState;
use stack::certificates::Authority;
use tokio::process::{Child, Command};

use crate::client::{Connection, POST, post, post_with, request, within_patience};
use crate::orders::{numbered, order};
use crate::orders_bulk::orders_bulk;
use crate::running::{Producer, eventually};
use crate::topic::fresh_topic;

/// The program with these variables set, and no others.
fn program(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_producer"));
    command.args(arguments).env_clear().envs(variables.iter().copied()).kill_on_drop(true).stdin(Stdio::null());
    command
}

/// The same on its own ports with this topic of the broker that all tests share, once it is ready.
pub(crate) async fn serving(topic: &str, variables: &[(&str, &str)]) -> (Child, Addresses) {
    serving_at(stack::shared().await.kafka_broker(), topic, variables).await
}

/// The same with another broker.
pub(crate) async fn serving_at(broker: &str, topic: &str, variables: &[(&str, &str)]) -> (Child, Addresses) {
    let (port, admin_port) = (stack::free_port(), stack::free_port());
    let own = [
        ("PORT", port.to_string()),
        ("ADMIN_PORT", admin_port.to_string()),
        ("KAFKA_BROKER", broker.to_owned()),
        ("KAFKA_TOPIC", topic.to_owned()),
    ];
    let mut program = program(&[], variables);
    let child = program.envs(own).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let addresses =
        Addresses { clients: ([127, 0, 0, 1], port).into(), operators: ([127, 0, 0, 1], admin_port).into() };
    eventually("ready", async || {
        let operators = addresses.operators;
        let is_there = tokio::net::TcpStream::connect(operators).await.is_ok();
        is_there && Connection::open(operators).await.ask(request("GET", "/readyz")).await.status == 200
    })
    .await;
    (child, addresses)
}

/// Its exit code, standard output and standard error.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        within_patience("the program's end", program(arguments, variables).output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

pub(crate) async fn terminate(child: &Child) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
}

#[tokio::test]
async fn help_lists_every_variable_with_its_default() {
    let (code, help, _) = run(&["--help"], &[("PORT", "1234")]).await;
    assert_eq!(code, 0);
    for (name, default) in [
        ("KAFKA_BROKER", "localhost:9092"),
        ("KINDS", "post,order"),
        ("KAFKA_TOPIC", "post"),
        ("ORDER_KAFKA_TOPIC", "orders"),
        ("KAFKA_PARTITIONS", "1"),
        ("KAFKA_REPLICATION", "1"),
        ("HOST", "0.0.0.0"),
        ("PORT", "3000"),
        ("ADMIN_PORT", "3100"),
        ("LOG", "info"),
        ("LOG_FORMAT", "auto"),
        ("STOP_GRACE", "10s"),
        ("PRODUCER_LINGER", "2ms"),
        ("PRODUCER_BATCH_BYTES", "1000000"),
        ("PRODUCER_COMPRESSION", "none"),
        ("PRODUCER_MAX_IN_FLIGHT", "10000"),
        ("PRODUCER_TIMEOUT", "5s"),
        ("PRODUCER_IDEMPOTENCY_KEYS", "100000"),
        ("MAX_BODY_BYTES", "65536"),
        ("MAX_BULK_BYTES", "16777216"),
        ("BODY_BUFFER_BYTES", "64000000"),
        ("MAX_CONNECTIONS", "10000"),
        ("HEADER_TIMEOUT", "10s"),
        ("IDLE_TIMEOUT", "75s"),
        ("BODY_TIMEOUT", "60s"),
        ("BODY_MIN_RATE", "1000"),
        ("STOP_DELAY", "0s"),
    ] {
        let row = help.lines().find(|line| line.split_whitespace().take(2).eq([name, default]));
        assert!(row.is_some(), "{name} {default} in\n{help}");
    }
    assert!(
        help.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && help.contains("STATE_FILE") && help.contains("healthcheck"),
        "{help}"
    );
}

#[tokio::test]
async fn the_version_is_the_packages() {
    let (code, version, _) = run(&["--version"], &[("PORT", "nonsense")]).await;
    assert_eq!((code, version), (0, format!("producer {}\n", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn an_unknown_argument_is_an_error() {
    let (code, _, error) = run(&["serve", "--now"], &[]).await;
    assert_eq!(code, 64);
    assert!(error.contains("`serve --now`") && error.contains("--help"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthcheck_asks_the_service_on_the_operators_port() {
    let ready = Producer::with_kafka(&fresh_topic(), &[]).await;
    let port = ready.operators.port().to_string();
    assert_eq!(run(&["healthcheck"], &[("ADMIN_PORT", &port)]).await, (0, String::new(), String::new()));

    let waiting = Producer::without_kafka(&[]).await;
    let port = waiting.operators.port().to_string();
    let (code, _, error) = run(&["healthcheck"], &[("ADMIN_PORT", &port)]).await;
    assert!(code == 1 && error.starts_with("not ready: ") && error.contains("kafka: "), "{code} {error}");

    let port = stack::free_port().to_string();
    let (code, _, error) = run(&["healthcheck"], &[("ADMIN_PORT", &port)]).await;
    assert_eq!(code, 1);
    assert!(error.starts_with(&format!("not ready: no service answers on port {port} of 0.0.0.0: ")), "{error}");
    // A service that listens on its own address is asked there, and nowhere else.
    let elsewhere = [("ADMIN_PORT", port.as_str()), ("HOST", "127.0.0.2")];
    let _listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    let (code, _, error) = run(&["healthcheck"], &elsewhere).await;
    assert_eq!(code, 1);
    assert!(error.starts_with(&format!("not ready: no service answers on port {port} of 127.0.0.2: ")), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthcheck_needs_no_authority_and_no_certificate_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("tests").unwrap();
    let clients = authority.write(directory.path(), "clients.pem").unwrap();
    // Not signed by whom operators must be signed.
    let own = Authority::new("others").unwrap().server(&["localhost"]).unwrap();
    let files = own.write(directory.path(), "own").unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (certificate, key, clients) = (path(&files.certificate), path(&files.key), path(&clients));
    let tls = [("ADMIN_TLS_CERTIFICATE", certificate.as_str()), ("ADMIN_TLS_KEY", &key)];
    let mutual = [&tls[..], &[("ADMIN_TLS_CLIENT_CA", clients.as_str())]].concat();
    for settings in [&tls[..], &mutual] {
        let waiting = Producer::without_kafka(settings).await;
        let port = waiting.operators.port().to_string();
        let settings = [settings, &[("ADMIN_PORT", port.as_str())]].concat();
        let (code, _, error) = run(&["healthcheck"], &settings).await;
        assert!(code == 1 && error.contains("kafka: "), "{code} {error}");
        // Without TLS it learns what is wrong.
        let (code, _, error) = run(&["healthcheck"], &[("ADMIN_PORT", &port)]).await;
        assert!(code == 1 && error.contains("https://"), "{code} {error}");
        // The service still has the certificate with which it began.
        fs::write(&files.certificate, "nonsense").unwrap();
        let (code, _, error) = run(&["healthcheck"], &settings).await;
        assert_eq!(code, 1);
        assert_eq!(error.contains("kafka: "), settings.len() == 3, "{error}");
        let (code, _, error) = run(&["--check-config"], &settings).await;
        assert!(code == 64 && error.contains("ADMIN_TLS_CERTIFICATE: there is no certificate in"), "{code} {error}");
        own.write(directory.path(), "own").unwrap();
    }
}

#[tokio::test]
async fn its_last_warnings_are_on_the_status_page() {
    let (port, nowhere) = (stack::free_port(), format!("127.0.0.1:{}", stack::free_port()));
    let variables = [("PORT", "0".to_owned()), ("ADMIN_PORT", port.to_string()), ("KAFKA_BROKER", nowhere)];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let _child = program(&[], &variables).stderr(Stdio::null()).spawn().unwrap();
    let address = ([127, 0, 0, 1], port).into();
    eventually("the warning on the page", async || {
        let is_there = tokio::net::TcpStream::connect(address).await.is_ok();
        is_there
            && Connection::open(address)
                .await
                .ask(request("GET", "/status"))
                .await
                .text()
                .contains("<p>cannot reach Kafka, trying again: brokers=127.0.0.1:")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_until_sigterm() {
    let topic = fresh_topic();
    let (child, Addresses { clients, operators }) = serving(&topic, &[]).await;
    Connection::open(clients).await.ask(post(POST)).await.created_id();

    // A second one finds the ports taken.
    for (variable, port, other) in [("PORT", clients.port(), "ADMIN_PORT"), ("ADMIN_PORT", operators.port(), "PORT")] {
        let (code, _, error) = run(&[], &[(variable, &port.to_string()), (other, "0")]).await;
        assert_eq!(code, 1);
        assert!(error.contains(&format!("cannot listen on 0.0.0.0:{port}: set {variable} to a free port")), "{error}");
    }

    terminate(&child).await;
    let output = within_patience("the program's end", child.wait_with_output()).await.unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{log}");
    for message in ["listening", &format!("Topic created: {topic}"), "Connected to Kafka", "stopping", "stopped"] {
        let is_said = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("not on a terminal the log is JSON");
            line["message"] == message
        };
        assert!(log.lines().any(is_said), "{message} in\n{log}");
    }
}

/// Starts one without Kafka that writes this state file, and returns its content once it listens.
async fn writing(path: &Path) -> (Child, ServiceState) {
    let nowhere = format!("127.0.0.1:{}", stack::free_port());
    let variables =
        [("PORT", "0"), ("ADMIN_PORT", "0"), ("KAFKA_BROKER", &nowhere), ("STATE_FILE", path.to_str().unwrap())];
    let child = program(&[], &variables).stderr(Stdio::piped()).spawn().unwrap();
    eventually("the state file", async || ServiceState::read(path).is_ok_and(|state| Some(state.pid) == child.id()))
        .await;
    (child, ServiceState::read(path).unwrap())
}

#[tokio::test]
async fn its_state_file_has_the_addresses_and_after_the_end_the_totals() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("state.json");
    let (mut killed, state) = writing(&path).await;
    assert_eq!((state.service.as_str(), &state.totals), ("producer", &None));
    killed.kill().await.unwrap();
    assert_eq!(ServiceState::read(&path).unwrap(), state, "a killed producer writes nothing more");

    let (mut child, state) = writing(&path).await;
    let address = ([127, 0, 0, 1], state.address.port()).into();
    assert_eq!(Connection::open(address).await.ask(post(POST)).await.status, 503);
    let operators = ([127, 0, 0, 1], state.operators_address.port()).into();
    assert_eq!(Connection::open(operators).await.ask(request("GET", "/metrics")).await.status, 200);
    terminate(&child).await;
    assert_eq!(within_patience("the program's end", child.wait()).await.unwrap().code(), Some(0));
    let totals = ServiceState::read(&path).unwrap().totals.expect("it has ended as asked");
    assert_eq!((totals["ingest_records_accepted_total"], totals["ingest_records_rejected_total"]), (0, 1));
}

#[tokio::test]
async fn a_state_file_that_cannot_be_written_is_a_failure() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("states");
    let path = folder.join("state.json");
    let (code, _, log) = run(&[], &[("PORT", "0"), ("ADMIN_PORT", "0"), ("STATE_FILE", path.to_str().unwrap())]).await;
    assert!(code == 1 && log.contains("cannot write the state file") && log.contains("No such file"), "{code} {log}");

    fs::create_dir_all(&folder).unwrap();
    let (child, _) = writing(&path).await;
    fs::remove_dir_all(&folder).unwrap();
    terminate(&child).await;
    let output = within_patience("the program's end", child.wait_with_output()).await.unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && log.contains("cannot write the state file"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_line_of_a_post_names_its_trace() {
    let (child, producer) = serving(&fresh_topic(), &[("LOG", "info,producer=debug")]).await;
    let header_line = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let mut ids = Vec::new();
    for header_lines in [header_line, ""] {
        ids.push(Connection::open(producer.clients).await.ask(post_with(header_lines, POST)).await.created_id());
    }
    terminate(&child).await;
    let log = within_patience("the program's end", child.wait_with_output()).await.unwrap().stderr;
    let lines = String::from_utf8(log).unwrap();
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let line =
        |id: &str| lines.iter().find(|line| line["message"] == "Message sent to topic" && line["id"] == id).unwrap();
    assert_eq!(line(&ids[0])["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(line(&ids[0])["span_id"], "00f067aa0ba902b7");
    assert!(line(&ids[1])["trace_id"].is_null(), "{}", line(&ids[1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_of_orders_name_them() {
    let orders = fresh_topic();
    let variables = [("LOG", "info,producer=debug"), ("ORDER_KAFKA_TOPIC", &orders), ("PRODUCER_TIMEOUT", "30s")];
    let (child, producer) = serving(&fresh_topic(), &variables).await;
    let mut connection = Connection::open(producer.clients).await;
    assert_eq!(connection.ask(order(numbered("single", 1))).await.status, 201);
    assert_eq!(connection.ask(order("{}")).await.status, 400);
    let bulk = format!("[{},{{}},{}]", numbered("first", 1), numbered("second", 2));
    assert_eq!(connection.ask(orders_bulk(bulk)).await.status, 207);
    terminate(&child).await;
    let log = within_patience("the program's end", child.wait_with_output()).await.unwrap().stderr;
    let log = String::from_utf8(log).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sent = lines.iter().filter(|line| line["message"] == "order sent to topic" && line["topic"] == orders.as_str());
    let sent: Vec<&str> = sent.map(|line| line["order_id"].as_str().unwrap()).collect();
    assert_eq!(sent, ["single", "first", "second"], "{log}");
    let is_rejected = |line: &&serde_json::Value| line["message"] == "order rejected" && line["reason"] == "invalid";
    assert_eq!(lines.iter().filter(is_rejected).count(), 1, "{log}");
}
