//! Nothing that people can see has a secret in it: each secret of the services and of their clients has a mark, and
//! every output is searched.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use stack::{Process, Signal, free_port};

use crate::pipeline::exchange;

/// The secrets of these services, each with its mark in it. Nobody answers where they lead to.
const SECRETS: [(&str, &str); 3] = [
    ("KAFKA_SASL_PASSWORD", "mark-of-kafka"),
    ("MONGO_URI", "mongodb://someone:mark-of-mongo@127.0.0.1:1/db"),
    ("ADMIN_TOKEN", OPERATOR),
];

const MARK: &str = "mark-of-";

const OPERATOR: &str = "mark-of-an-operator";

/// An API key, and its hash.
const KEY: (&str, &str) = ("mark-of-key", "1d01029e7d55df4dbfb0594259baa10c5425377c629ad30c01b84aed85c90d11");

/// The public key of an issuer, and the parts of its token, which is valid until 2100: header, claims, signature.
const ISSUER: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AHYIICGXhquxLrDAiTbbHQbu-p6MBSQFKBRR3ilIE1A"}]}"#;
const TOKEN: [&str; 3] = [
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImsiLCJ0eXAiOiJKV1QifQ",
    "eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkIjoiYXBpIiwic3ViIjoic2hvcCIsImV4cCI6NDEwMjQ0NDgwMH0",
    "0wjTdFw0Sl8Rh1kYslkcyfo_1tcW0S_zi1KlGG3wOA_DsYKy_erCe_SSk9R2nlQ4nabq4twy6J6B9HQSTEmdBA",
];

fn command(role: &str, directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let (port, admin_port) = (free_port().to_string(), free_port().to_string());
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
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
        ("JWT_ISSUER", "https://issuer.example"),
        ("JWT_AUDIENCE", "api"),
    ]);
    let keys = format!(r#"[{{"name":"till","hash":"sha256:{}","kinds":["post"]}}]"#, KEY.1);
    command.env("API_KEYS_FILE", file("keys.json", &keys)).env("JWT_JWKS", file("jwks.json", ISSUER));
    command.env("AUDIT_LOG", directory.join("audit.log"));
    command
}

/// Requests of clients with credentials that are right, wrong, and where none belongs; with the status of each answer.
async fn ask_as_clients(address: &str) -> Vec<(String, String)> {
    let token = TOKEN.join(".");
    let forged = format!("{}.{}.{}", TOKEN[0], TOKEN[1], TOKEN[2].to_lowercase());
    let mut answers = Vec::new();
    for (status, path, headers) in [
        ("503", "/create-post", format!("authorization: Bearer {token}\r\n")),
        ("503", "/create-post", format!("x-api-key: {}\r\n", KEY.0)),
        ("401", "/create-post", format!("authorization: Bearer {forged}\r\n")),
        ("401", "/create-post", "authorization: Bearer mark-of-nobody\r\n".to_owned()),
        ("401", "/create-post", format!("authorization: Basic {MARK}basic\r\n")),
        ("400", "/create-post", format!("authorization: Bearer {token}\r\nx-api-key: {}\r\n", KEY.0)),
        ("403", "/api/orders", format!("x-api-key: {}\r\n", KEY.0)),
        ("404", "/nowhere", format!("authorization: Bearer {token}\r\nx-api-key: {}\r\n", KEY.0)),
    ] {
        let body = r#"{"title":"a title","content":"a content that is long enough"}"#;
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}");
        let answer = exchange(address, &format!("{head}\r\n\r\n{body}")).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path} {headers}: {answer}");
        answers.push((format!("{path} {headers}"), answer));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_any_output() {
    let directory = tempfile::tempdir().unwrap();
    for role in ["producer", "consumer"] {
        for arguments in [&["--help"][..], &["--check-config"], &["--check-config", "--connect"]] {
            let output = command(role, directory.path()).args(arguments).stdin(Stdio::null()).output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            assert!(!text.is_empty());
            seen(&format!("{role} {arguments:?}"), &text);
        }
        let log = directory.path().join(role);
        let service = command(role, directory.path());
        let port = |name: &str| {
            let (_, value) = service.get_envs().find(|(variable, _)| *variable == name).unwrap();
            format!("127.0.0.1:{}", value.unwrap().to_str().unwrap())
        };
        let (clients, operators) = (port("PORT"), port("ADMIN_PORT"));
        let process = Process::spawn(role, &service, &log).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        let ask_with = async |address: &str, path: &str, token: &str| {
            let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}");
            exchange(address, &format!("{head}\r\n\r\n")).await
        };
        let ask = async |address: &str, path: &str| ask_with(address, path, OPERATOR).await;
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
        let status = ask(&operators, "/status").await.unwrap();
        assert!(status.starts_with("HTTP/1.1 200"), "{status}");
        let refused = ask_with(&operators, "/status", "mark-of-nobody").await.unwrap();
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
        seen(&format!("{role} without the token"), refused.as_bytes());
        if role == "producer" {
            for (request, answer) in ask_as_clients(&clients).await {
                seen(&request, answer.as_bytes());
            }
        }
        process.signal(Signal::Term).unwrap();
        process.wait_for(Duration::from_secs(30)).await.expect("it stops in time");
        let logged = std::fs::read(&log).unwrap();
        assert!(logged.len() > 1_000, "a log of everything is long");
        seen(&format!("{role}'s log"), &logged);
    }
    let audited = std::fs::read_to_string(directory.path().join("audit.log")).unwrap();
    assert!(audited.contains("\"caller\":\"jwt:shop\"") && audited.contains("\"caller\":\"till\""), "{audited}");
    seen("the audit log", audited.as_bytes());
}

fn seen(what: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    // The header of a token is none of its secrets, but nothing that shows one ends there.
    let marks = [MARK, TOKEN[0], TOKEN[1], TOKEN[2], &TOKEN[2].to_lowercase()];
    let line = text.lines().find(|line| marks.iter().any(|mark| line.contains(mark)));
    assert_eq!(line, None, "{what}");
}
