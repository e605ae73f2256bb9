//! The lab against a pipeline that takes nothing but TLS, and wants certificates from its clients.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use stack::certificates::{Authority, CertificateFiles};
use tempfile::TempDir;

use super::Running;
use crate::run::{PATIENT, THRESHOLD};

/// A pipeline with TLS on both ports, and the files of its authority and of a client.
struct SecurePipeline {
    running: Running,
    directory: TempDir,
    authority: Authority,
    ca: PathBuf,
    client: CertificateFiles,
}

impl SecurePipeline {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("tests").unwrap();
        let ca = authority.write(directory.path(), "ca.pem").unwrap();
        let server = authority.server(&["localhost", "127.0.0.1"]).unwrap().write(directory.path(), "server").unwrap();
        let client = authority.client("the lab").unwrap().write(directory.path(), "client").unwrap();
        let running = Running::start(&[
            ("TLS_CERTIFICATE", text(&server.certificate)),
            ("TLS_KEY", text(&server.key)),
            ("TLS_CLIENT_CA", text(&ca)),
            ("ADMIN_TLS_CERTIFICATE", text(&server.certificate)),
            ("ADMIN_TLS_KEY", text(&server.key)),
            PATIENT,
        ])
        .await;
        Self { running, directory, authority, ca, client }
    }

    /// Exit code and output of a short run with these options.
    async fn run(&self, more: &[&str]) -> (i32, String) {
        let Running { address, operators, consumer, mongo_uri, .. } = &self.running;
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.args(["run", "--target", &format!("https://{address}")]);
        command.args(["--target-metrics", &format!("https://{operators}"), "--report"]).arg(self.report());
        command.args(["--vus", "8", "--rate", "200"]).args(THRESHOLD).args(more);
        command.env("KAFKA_BROKER", consumer.kafka.cluster.bootstrap()).env("MONGO_URI", mongo_uri);
        command.env("KAFKA_TOPIC", &consumer.kafka.topic).env("KAFKA_GROUP", &consumer.kafka.group);
        command.env("DLQ_TOPIC", &consumer.kafka.dead_letter_topic);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), text)
    }

    fn report(&self) -> PathBuf {
        self.directory.path().join("report")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_tls_is_proven_and_each_refusal_is_named() {
    let pipeline = SecurePipeline::start().await;
    let (ca, client) = (text(&pipeline.ca), &pipeline.client);
    let trusted = ["--ca", ca];
    let own = ["--client-certificate", text(&client.certificate), "--client-key", text(&client.key)];
    let token = pipeline.directory.path().join("token");
    std::fs::write(&token, "marker-of-a-token\n").unwrap();
    let carried = ["-H", "X-API-Key: marker-of-a-key", "--token-file", text(&token)];
    let timed = ["--duration", "2s"];
    let (code, output) = pipeline.run(&[&trusted[..], &own, &carried, &timed].concat()).await;
    assert_eq!(code, 0, "{output}");
    let report = crate::report(&pipeline.report());
    assert_eq!((&report["accepted"], &report["stored"]), (&400.into(), &400.into()), "{report:#}");
    assert!(report["producer"]["cpu_seconds"].is_f64(), "the target's metrics were found");
    // What lets requests in is in no output.
    for file in std::fs::read_dir(pipeline.report()).unwrap() {
        let content = String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned();
        assert!(!content.contains("marker-of-a"));
    }
    assert!(!output.contains("marker-of-a"), "{output}");

    let other = Authority::new("others").unwrap();
    let other_ca = other.write(pipeline.directory.path(), "other.pem").unwrap();
    let stranger = other.client("a stranger").unwrap().write(pipeline.directory.path(), "stranger").unwrap();
    let strange = ["--client-certificate", text(&stranger.certificate), "--client-key", text(&stranger.key)];
    let mixed = ["--client-certificate", text(&client.certificate), "--client-key", text(&stranger.key)];
    for (code, options, reason) in [
        (1, &[][..], "name its authority by --ca"),
        (1, &["--ca", text(&other_ca)], "the authorities of --ca have not signed its certificate"),
        (1, &trusted, "give --client-certificate and --client-key"),
        (1, &[&trusted[..], &strange].concat(), "it does not accept the client's certificate"),
        (64, &["--ca", "/missing.pem"], "--ca: cannot read a certificate from /missing.pem"),
        (64, &["--ca", text(&client.key)], "--ca: there is no certificate in"),
        (64, &[&trusted[..], &mixed].concat(), "it does not belong to"),
        (64, &["--token-file", "/missing"], "--token-file: cannot read /missing"),
    ] {
        let (found, output) = pipeline.run(options).await;
        assert!(found == code && output.contains(reason), "{options:?}: {found} {output}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_named() {
    let pipeline = SecurePipeline::start().await;
    let ca = text(&pipeline.ca);
    let own = [("certificate", &pipeline.client.certificate), ("key", &pipeline.client.key)];
    let own = own.map(|(name, path)| [format!("--client-{name}"), text(path).to_owned()]).concat();
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let server = pipeline.authority.server(&["elsewhere.example"]).unwrap();
    let expired = pipeline.authority.expired(&["127.0.0.1"]).unwrap();
    for (certificate, reason) in [(server, "its certificate is not for 127.0.0.1"), (expired, "has expired")] {
        certificate.write(pipeline.directory.path(), "server").unwrap();
        let deadline = Instant::now() + super::DEADLINE;
        loop {
            let (code, output) = pipeline.run(&[&["--ca", ca], &own[..], &["--duration", "100ms"]].concat()).await;
            if code == 1 && output.contains(reason) {
                break;
            }
            assert!(Instant::now() < deadline, "{reason}: {code} {output}");
        }
    }
}
