//! The consumer as a program.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use service::state_file::ServiceState;

fn consumer(argument: &str, set: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    command.env_clear().arg(argument).envs(set.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn settings_that_cannot_be_used_are_all_named() {
    let output =
        consumer("--check-config", &[("CONSUMER_BATCH_MESSAGES", "none"), ("MONGO_URI", "localhost"), ("PORT", "x")]);
    assert_eq!(output.status.code(), Some(64));
    for name in ["CONSUMER_BATCH_MESSAGES", "MONGO_URI", "PORT"] {
        assert!(text(&output.stderr).contains(name), "{name} in {}", text(&output.stderr));
    }
}

#[test]
fn the_settings_in_force_are_printed_without_the_password() {
    let output = consumer("--check-config", &[("MONGO_URI", "mongodb://me:secret@example.com/db")]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("MONGO_URI=mongodb://***@example.com/db\n"));
    assert!(text(&output.stdout).contains("CONSUMER_BATCH_MESSAGES=100\n"));
}

#[test]
fn help_lists_every_variable_and_a_health_check_of_nothing_fails() {
    let help = consumer("--help", &[]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("CONSUMER_REVOKE_TIMEOUT"));
    assert!(text(&help.stdout).contains("consumer dead-letters --help"));
    assert!(text(&consumer("--version", &[]).stdout).starts_with("consumer "));
    assert_eq!(consumer("--nonsense", &[]).status.code(), Some(64));
    assert_eq!(consumer("healthcheck", &[("ADMIN_PORT", "1")]).status.code(), Some(1));
}

#[test]
fn its_state_file_has_the_addresses_and_after_the_end_the_totals() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("state-{}.json", contract::PostId::fresh()));
    let (nowhere, file) = (format!("127.0.0.1:{}", stack::free_port()), path.to_str().unwrap());
    let mongo_uri = format!("mongodb://{nowhere}/db");
    let servers = [("KAFKA_BROKER", nowhere.as_str()), ("MONGO_URI", &mongo_uri)];
    let own = [("PORT", "0"), ("ADMIN_PORT", "0"), ("STATE_FILE", file)];
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    let mut child = command.env_clear().envs(servers).envs(own).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while !path.exists() {
        assert!(Instant::now() < deadline, "no state file");
        sleep(Duration::from_millis(20));
    }
    let state = ServiceState::read(&path).unwrap();
    assert_eq!((state.service.as_str(), state.pid, &state.totals), ("consumer", child.id(), &None));
    for address in [state.address, state.operators_address] {
        assert!(std::net::TcpStream::connect(("127.0.0.1", address.port())).is_ok());
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let totals = ServiceState::read(&path).unwrap().totals.expect("it has ended as asked");
    assert_eq!(totals["ingest_records_stored_total"], 0);
    std::fs::remove_file(path).unwrap();
}
