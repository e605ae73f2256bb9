//! The consumer as a program.

use std::process::{Command, Output};

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
    assert_eq!(consumer("healthcheck", &[("PORT", "1")]).status.code(), Some(1));
}
