//! A supervised child: how it ends, how it is stopped, and that nothing of it is left.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stack::{Process, Signal};

const LONG: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    command
}

fn spawn(folder: &Path, script: &str) -> Process {
    Process::spawn("child", &shell(script), &folder.join("log")).unwrap()
}

/// Waits until the child has written this line, which shows how far it is.
async fn has_written(child: &Process, line: &str) {
    let written = async {
        while child.last_lines(1) != line {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, written).await.expect("the child writes its line");
}

fn is_alive(pid: u32) -> bool {
    shell(&format!("kill -0 {pid} 2> /dev/null")).status().unwrap().success()
}

async fn is_gone(pid: u32) {
    let gone = async {
        while is_alive(pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, gone).await.unwrap_or_else(|_| panic!("process {pid} is gone"));
}

#[tokio::test]
async fn both_outputs_are_logged_and_the_exit_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let child = spawn(folder.path(), "echo out; echo err >&2; exit 3");
    assert_eq!(child.wait_for(LONG).await.unwrap().code(), Some(3));
    assert_eq!(child.exit_status().unwrap().code(), Some(3));
    assert_eq!(child.last_lines(9), "out\nerr");
    let error = child.signal(Signal::Term).unwrap_err().to_string();
    assert_eq!(error, "child has ended already (exit status: 3)");
}

#[tokio::test]
async fn arguments_environment_and_directory_are_those_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("with space")).unwrap();
    let mut command = shell(r#"pwd; echo "$1|$COLOUR|${HOME-unset}""#);
    command.args(["name", "it's \"two\" words"]).env("COLOUR", "dark blue").env_remove("HOME");
    command.current_dir(folder.path().join("with space"));
    let child = Process::spawn("child", &command, &folder.path().join("log")).unwrap();
    assert!(child.wait_for(LONG).await.unwrap().success());
    let written = child.last_lines(2);
    assert!(written.ends_with("with space\nit's \"two\" words|dark blue|unset"), "{written}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_exit_with_a_line_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let child = Process::spawn("child", &Command::new("/no/such/program"), &folder.path().join("log")).unwrap();
    assert_eq!(child.wait_for(LONG).await.unwrap().code(), Some(127));
    assert!(child.last_lines(1).contains("/no/such/program"));
}

#[tokio::test]
async fn stopping_lets_it_clean_up() {
    let folder = tempfile::tempdir().unwrap();
    let child = spawn(folder.path(), "trap 'echo cleaned; exit 0' TERM; echo up; while :; do sleep 0.05; done");
    has_written(&child, "up").await;
    assert!(child.stop(LONG).await.unwrap().success());
    assert_eq!(child.last_lines(1), "cleaned");
}

#[tokio::test]
async fn a_child_that_will_not_stop_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let child = spawn(folder.path(), "trap '' TERM; echo up; while :; do sleep 0.05; done");
    has_written(&child, "up").await;
    assert_eq!(child.stop(Duration::from_millis(100)).await.unwrap().signal(), Some(9));
    assert_eq!(child.kill().await.unwrap().signal(), Some(9));
}

#[tokio::test]
async fn a_frozen_child_is_not_dead_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let child = spawn(folder.path(), "echo up; exec sleep 1000");
    has_written(&child, "up").await;
    child.signal(Signal::Stop).unwrap();
    assert_eq!(child.wait_for(Duration::from_millis(300)).await, None);
    assert_eq!(child.exit_status(), None);
    assert!(is_alive(child.pid()));
    assert_eq!(child.stop(LONG).await.unwrap().signal(), Some(15));
}

#[tokio::test]
async fn dropping_kills_the_whole_tree() {
    let folder = tempfile::tempdir().unwrap();
    let sign = folder.path().join("sign");
    let script = format!("(while :; do echo here > '{}'; sleep 0.05; done) & wait", sign.display());
    let child = spawn(folder.path(), &script);
    let pid = child.pid();
    // Not by a process id: a dead grandchild keeps its own until the system's first process collects it.
    let grandchild_lives = async |patience: Duration| {
        fs::remove_file(&sign).ok();
        let seen = async {
            while !sign.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(patience, seen).await.is_ok()
    };
    assert!(is_alive(pid) && grandchild_lives(LONG).await);
    drop(child);
    is_gone(pid).await;
    assert!(!grandchild_lives(Duration::from_millis(300)).await);
}

#[tokio::test]
async fn what_an_ended_child_leaves_behind_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let child = spawn(folder.path(), "sleep 1000 & echo $!");
    assert!(child.wait_for(LONG).await.unwrap().success());
    is_gone(child.last_lines(1).parse().unwrap()).await;
}

#[tokio::test]
async fn a_child_has_a_process_group_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    // Process 0 means the caller's whole group: if that were ours, this test would die with it.
    let child = spawn(folder.path(), "trap 'kill -9 0' TERM; echo up; while :; do sleep 0.05; done");
    has_written(&child, "up").await;
    child.signal(Signal::Term).unwrap();
    assert_eq!(child.wait_for(LONG).await.unwrap().signal(), Some(9));
}

#[test]
fn a_child_outlives_the_runtime_and_the_thread_that_started_it() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let path = folder.path().to_owned();
    let first = std::thread::spawn(move || runtime().block_on(async { spawn(&path, "echo up; exec sleep 1000") }));
    let child = first.join().unwrap();
    runtime().block_on(async {
        has_written(&child, "up").await;
        assert_eq!(child.wait_for(Duration::from_millis(100)).await, None);
        assert_eq!(child.kill().await.unwrap().signal(), Some(9));
    });
}
