//! The program: its command line, its exit codes, its signals.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use service::state_file::ServiceState;
use tokio::process::{Child, Command};

use crate::client::{JSON, ask, request, try_ask, within_patience};
use crate::running::{GOOD, eventually, id, sqlite};

/// The program with these variables set, and no others.
fn program(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_submissions"));
    command.args(arguments).env_clear().envs(variables.iter().copied()).kill_on_drop(true).stdin(Stdio::null());
    command
}

/// Its exit code, standard output and standard error.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        within_patience("the program's end", program(arguments, variables).output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The program on ports of its own with this database, once it is ready.
pub(crate) async fn serving(arguments: &[&str], url: &str, variables: &[(&str, &str)]) -> (Child, SocketAddr) {
    let port = stack::free_port();
    let own = [("PORT", port.to_string()), ("HOST", "127.0.0.1".to_owned()), ("DATABASE_URL", url.to_owned())];
    let mut program = program(arguments, variables);
    program.envs([("ADMIN_PORT", "0"), ("SUBMIT_TIMEOUT", "50s")]);
    let child = program.envs(own).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let address = ([127, 0, 0, 1], port).into();
    let is_ready = async || {
        let answer = try_ask(address, &request("GET", "/readyz", "", "")).await;
        answer.is_some_and(|response| response.status == 200)
    };
    eventually("ready", is_ready).await;
    (child, address)
}

async fn terminate(mut child: Child) -> (i32, String) {
    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let mut log = String::new();
    let mut stderr = child.stderr.take().unwrap();
    within_patience("the log's end", tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut log)).await.unwrap();
    (within_patience("the program's end", child.wait()).await.unwrap().code().unwrap(), log)
}

#[tokio::test]
async fn help_lists_every_variable_with_its_default() {
    for (arguments, name) in [
        (&["--help"][..], "submissions"),
        (&["api", "--help"], "submissions api"),
        (&["worker", "--help"], "submissions worker"),
    ] {
        let (code, help, _) = run(arguments, &[]).await;
        assert_eq!(code, 0);
        assert!(help.starts_with(&format!("{name} {}\n", env!("CARGO_PKG_VERSION"))), "{help}");
        for (name, default) in [
            ("PORT", "8000"),
            ("ADMIN_PORT", "8100"),
            ("DATABASE_URL", "sqlite:submissions.db"),
            ("DATABASE_POOL", "20"),
            ("HEARTBEAT", "1s"),
            ("WORK_TIMEOUT", "5m"),
            ("MAX_ATTEMPTS", "3"),
            ("RETRY_BACKOFF", "60s"),
            ("STUCK_AFTER", "30s"),
            ("WORK_TIME", "5s"),
            ("WORKER_CONCURRENCY", "1000"),
            ("SUBMIT_TIMEOUT", "5s"),
        ] {
            let row = help.lines().find(|line| line.split_whitespace().take(2).eq([name, default]));
            assert!(row.is_some(), "{name} {default} in\n{help}");
        }
    }
    assert!(run(&["--help"], &[]).await.1.contains("submissions export"));
    assert!(run(&["export", "--help"], &[]).await.1.starts_with("Writes every submission"));
}

#[tokio::test]
async fn settings_and_arguments_are_checked() {
    let (code, settings, _) = run(&["--check-config"], &[("DATABASE_URL", "postgres://me:secret@localhost/a")]).await;
    assert_eq!(code, 0);
    assert!(settings.contains("DATABASE_URL=postgres://***@localhost/a\n"), "{settings}");
    for arguments in [&["--check-config"][..], &["healthcheck"], &[], &["api"], &["worker"], &["export"]] {
        let (code, _, errors) = run(arguments, &[("PORT", "x"), ("WORK_TIME", "1h")]).await;
        assert_eq!(code, 64, "{arguments:?}");
        let named = errors.lines().map(|line| line.split(": ").nth(1).unwrap());
        assert!(named.eq(["PORT", "WORK_TIME"]), "{errors}");
    }
    for arguments in [&["serve"][..], &["api", "worker"], &["export", "all"]] {
        assert_eq!(run(arguments, &[]).await.0, 64, "{arguments:?}");
    }
}

#[tokio::test]
async fn it_says_where_the_page_is_and_ends_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let (url, state) = (sqlite(folder.path()), folder.path().join("state.json"));
    let variables = [("WORK_TIME", "60s"), ("STATE_FILE", state.to_str().unwrap())];
    let (child, address) = serving(&[], &url, &variables).await;
    let admin_port = ServiceState::read(&state).unwrap().operators_address.port().to_string();
    assert_eq!(run(&["healthcheck"], &[("ADMIN_PORT", &admin_port)]).await.0, 0);
    let body = serde_json::json!({ "content": GOOD }).to_string();
    let submission = ask(address, &request("POST", "/api/submissions", JSON, &body)).await.json(202);
    let path = format!("/api/submissions/{}", id(&submission));
    eventually("work", async || ask(address, &request("GET", &path, "", "")).await.json(200)["status"] == "PROCESSING")
        .await;
    let (code, log) = terminate(child).await;
    assert_eq!(code, 0, "{log}");
    assert!(log.contains(&format!("http://{address}/")), "{log}");
    let state = ServiceState::read(&state).unwrap();
    assert_eq!((state.service.as_str(), state.totals.unwrap()["submissions_accepted_total"]), ("submissions", 1));
    assert_eq!(run(&["healthcheck"], &[("ADMIN_PORT", &admin_port)]).await.0, 1);

    let exported = export(&url).await;
    assert_eq!((exported.len(), &exported[0]["id"]), (1, &submission["id"]));
    assert_eq!((&exported[0]["status"], &exported[0]["given_back"]), (&"PENDING".into(), &1.into()));
}

/// Every submission of this database.
pub(crate) async fn export(url: &str) -> Vec<Value> {
    let (code, lines, errors) = run(&["export"], &[("DATABASE_URL", url)]).await;
    assert_eq!(code, 0, "{errors}");
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn an_export_has_every_submission_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(folder.path());
    let (child, address) = serving(&["api"], &url, &[]).await;
    let contents: Vec<Value> = (0..2_300).map(|number| serde_json::json!({ "content": number.to_string() })).collect();
    let body = Value::from(contents).to_string();
    let answer = ask(address, &request("POST", "/api/submissions/bulk", JSON, &body)).await.json(202);
    let mut expected: Vec<&str> = answer["results"].as_array().unwrap().iter().map(id).collect();
    expected.reverse();
    let exported = export(&url).await;
    assert!(exported.iter().map(id).eq(expected));
    assert_eq!(terminate(child).await.0, 0);
    let nowhere = sqlite(Path::new("/no/such/folder"));
    let (code, _, error) = run(&["export"], &[("DATABASE_URL", &nowhere)]).await;
    assert!(code == 1 && error.contains("/no/such/folder"), "{error}");
}
