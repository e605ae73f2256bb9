//! Nothing outlives a parent that is killed: no server, no data.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use stack::{Options, Stack, StackKind, environment};

const NAME: &str = "killed_parent::nothing_outlives_a_killed_parent";

/// Set in the parent, which is this test in another process.
const IS_PARENT: &str = "STACK_TEST_IS_PARENT";

/// Starts a stack, reports its servers, and waits to be killed.
async fn parent() {
    let options = Options { stack: StackKind::Native, ..Options::default() };
    let stack = Stack::start(&options, environment).await.unwrap();
    for server in stack.brokers.iter().chain(&stack.store) {
        println!("server {} {}", server.pid(), server.log().parent().unwrap().display());
    }
    println!("ready");
    tokio::time::sleep(Duration::from_secs(120)).await;
}

/// Reads the parent's reports until its stack is up.
fn servers(reports: ChildStdout) -> Vec<(u32, PathBuf)> {
    let mut servers = Vec::new();
    for line in BufReader::new(reports).lines() {
        let line = line.unwrap();
        if let Some((pid, directory)) = line.strip_prefix("server ").and_then(|rest| rest.split_once(' ')) {
            servers.push((pid.parse().unwrap(), PathBuf::from(directory)));
        } else if line == "ready" {
            return servers;
        }
    }
    panic!("the parent ended before its stack was up");
}

fn is_alive(pid: u32) -> bool {
    let script = format!("kill -0 {pid} 2> /dev/null");
    Command::new("/bin/sh").args(["-c", &script]).status().unwrap().success()
}

#[tokio::test]
async fn nothing_outlives_a_killed_parent() {
    if environment(IS_PARENT).is_some() {
        return parent().await;
    }
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(IS_PARENT, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let servers = servers(parent.stdout.take().unwrap());
    assert_eq!(servers.len(), 2);
    for (pid, directory) in &servers {
        assert!(is_alive(*pid) && directory.is_dir());
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(15);
    for (pid, directory) in &servers {
        while is_alive(*pid) || directory.exists() {
            assert!(Instant::now() < deadline, "process {pid} or {} is still there", directory.display());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
