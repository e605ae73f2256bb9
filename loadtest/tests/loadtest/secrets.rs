//! Nothing that people can see has a secret in it: each secret of the services has a mark, and every output is
//! searched.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stack::{Process, Signal, free_port};

use crate::pipeline::exchange;

/// The secrets of these services, each with its mark in it. Nobody answers where they lead to.
const SECRETS: [(&str, &str); 2] =
    [("KAFKA_SASL_PASSWORD", "mark-of-kafka"), ("MONGO_URI", "mongodb://someone:mark-of-mongo@127.0.0.1:1/db")];

const MARK: &str = "mark-of-";

fn command(role: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let (port, admin_port) = (free_port().to_string(), free_port().to_string());
    command.arg(role).envs(SECRETS).envs([
        ("HOST", "127.0.0.1"),
        ("PORT", &port),
        ("ADMIN_PORT", &admin_port),
        ("LOG", "trace"),
        ("LOG_FORMAT", "text"),
        ("KAFKA_BROKER", "127.0.0.1:1"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
        ("KAFKA_SASL_MECHANISM", "PLAIN"),
        ("KAFKA_SASL_USERNAME", "someone"),
    ]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_output() {
    let directory = tempfile::tempdir().unwrap();
    for role in ["producer", "consumer"] {
        for arguments in [&["--help"][..], &["--check-config"], &["--check-config", "--connect"]] {
            let output = command(role).args(arguments).stdin(Stdio::null()).output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            assert!(!text.is_empty());
            seen(&format!("{role} {arguments:?}"), &text);
        }
        let log = directory.path().join(role);
        let service = command(role);
        let port = |name: &str| {
            let (_, value) = service.get_envs().find(|(variable, _)| *variable == name).unwrap();
            format!("127.0.0.1:{}", value.unwrap().to_str().unwrap())
        };
        let (clients, operators) = (port("PORT"), port("ADMIN_PORT"));
        let process = Process::spawn(role, &service, &log).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let ask = async |address: &str, path: &str| {
            exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
        };
        // Until it has tried to connect.
        while !ask(&operators, "/readyz").await.is_ok_and(|answer| answer.contains("refused")) {
            assert!(Instant::now() < deadline, "{}", process.last_lines(20));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for (address, paths) in [
            (&clients, &["/", "/readyz", "/health", "/docs", "/openapi.json", "/create-post"][..]),
            (&operators, &["/", "/status", "/metrics", "/readyz", "/livez"]),
        ] {
            for path in paths {
                seen(&format!("{role} {path}"), ask(address, path).await.unwrap().as_bytes());
            }
        }
        process.signal(Signal::Term).unwrap();
        process.wait_for(Duration::from_secs(30)).await.expect("it stops in time");
        let logged = std::fs::read(&log).unwrap();
        assert!(logged.len() > 1_000, "a log of everything is long");
        seen(&format!("{role}'s log"), &logged);
    }
}

fn seen(what: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().find(|line| line.contains(MARK));
    assert_eq!(line, None, "{what}");
}
