//! A native PostgreSQL: all of its processes end and freeze with it, and its data survive a kill.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stack::{Postgres, environment, to_stderr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A login, as a client begins one.
const LOGIN: &[u8] = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0";
/// A simple query.
const QUERY: &[u8] = b"Q\0\0\0\x0dSELECT 1\0";

async fn logged_in(postgres: &Postgres) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, postgres.port())).await.unwrap();
    stream.write_all(LOGIN).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'R');
    // What it says about itself comes at once; `Z` ends it.
    let mut rest = Vec::new();
    while !rest.ends_with(b"Z\0\0\0\x05I") {
        rest.push(stream.read_u8().await.unwrap());
    }
    stream
}

/// The ids of the server's processes.
fn processes(directory: &Path) -> Vec<String> {
    let pid = std::fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap();
    let list = Command::new("ps").args(["-A", "-o", "pid=", "-o", "ppid=", "-o", "stat="]).output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let fields = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let family = list.lines().map(fields).filter(|line| line[0] == pid || line[1] == pid);
    family.filter(|line| !line[2].starts_with('Z')).map(|line| line[0].clone()).collect()
}

fn is_alive(pid: &str) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap().stdout;
    !state.is_empty() && !state.starts_with(b"Z")
}

#[tokio::test]
async fn a_postgres_dies_whole_and_starts_again_on_its_data() {
    let mut postgres = Postgres::start(to_stderr, environment).await.unwrap();
    let directory = postgres.log().parent().unwrap().to_owned();
    let client = logged_in(&postgres).await;
    let before = processes(&directory);
    assert!(before.len() > 3, "{before:?}");

    postgres.kill().await.unwrap();
    assert_eq!(before.iter().filter(|pid| is_alive(pid)).count(), 0);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, postgres.port())).await.is_err());
    drop(client);

    let port = postgres.port();
    postgres.restart().await.unwrap();
    assert_eq!(postgres.port(), port);
    logged_in(&postgres).await;
    // One that runs is killed first.
    postgres.restart().await.unwrap();
    logged_in(&postgres).await;
}

#[tokio::test]
async fn a_frozen_postgres_answers_nobody_until_it_continues() {
    let postgres = Postgres::start(to_stderr, environment).await.unwrap();
    let mut client = logged_in(&postgres).await;
    postgres.pause().unwrap();
    client.write_all(QUERY).await.unwrap();
    assert!(timeout(Duration::from_millis(300), client.read_u8()).await.is_err(), "a frozen server answered");
    postgres.resume().unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'T');
}
