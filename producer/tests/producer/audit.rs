//! The audit log against the answers: what was accepted is in it, and what is in it was accepted or is unknown, also
//! when the producer is killed among requests.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::client::{Connection, POST, post_to};
use crate::program::{serving, terminate};
use crate::topic::fresh_topic;

/// Records that were accepted and rejected, and those of which nobody knows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counted {
    accepted: u64,
    rejected: u64,
    unknown: u64,
}

/// What each request has in the log, by its own id.
fn audited(path: &str) -> HashMap<String, Counted> {
    let text = fs::read_to_string(path).unwrap();
    // A kill may end the last line.
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    let lines = whole.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of = |line: &Value, name: &str| line[name].as_u64().unwrap();
    let lines: Vec<(String, Counted)> = lines
        .map(|line| {
            let [accepted, rejected, unknown] = ["accepted", "rejected", "unknown"].map(|name| of(&line, name));
            assert_eq!(of(&line, "records"), accepted + rejected + unknown);
            (line["request_id"].as_str().unwrap().to_owned(), Counted { accepted, rejected, unknown })
        })
        .collect();
    let all = lines.len();
    let by_id: HashMap<String, Counted> = lines.into_iter().collect();
    assert_eq!(by_id.len(), all, "a line for each request");
    by_id
}

/// Sends requests until there is no answer: single posts, bad ones and bulks in turn. Returns what each was answered.
async fn client(address: std::net::SocketAddr, client: usize) -> HashMap<String, Option<Counted>> {
    let mut connection = Connection::open(address).await;
    let mut answers = HashMap::new();
    for number in 0.. {
        let id = format!("{client}-{number}");
        let (path, body) = match number % 3 {
            0 => ("/create-post", POST.to_owned()),
            1 => ("/create-post", "{}".to_owned()),
            _ => ("/create-posts", format!("[{POST},{{}},{POST}]")),
        };
        let request = post_to(path, &format!("x-request-id: {id}\r\n"), body);
        let Some(answer) = connection.try_ask(request).await else {
            answers.insert(id, None);
            return answers;
        };
        let counted = match (answer.status, number % 3) {
            (201, 0) => Counted { accepted: 1, ..Counted::default() },
            (400, 1) => Counted { rejected: 1, ..Counted::default() },
            (207, _) => Counted { accepted: 2, rejected: 1, ..Counted::default() },
            // After the signal to stop.
            (503, _) => return answers,
            (status, _) => panic!("{status}: {}", answer.text()),
        };
        answers.insert(id, Some(counted));
        if answer.header("connection") == Some("close") {
            return answers;
        }
    }
    unreachable!("the loop has no end of its own")
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_lines_agree_also_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    for is_killed in [true, false] {
        let path = directory.path().join(format!("audit-{is_killed}.log")).to_str().unwrap().to_owned();
        let (mut child, addresses) = serving(&fresh_topic(), &[("AUDIT_LOG", &path), ("LOG", "warn")]).await;
        let mut clients = JoinSet::new();
        (0..16).for_each(|number| _ = clients.spawn(client(addresses.clients, number)));
        while fs::metadata(&path).map_or(0, |file| file.len()) < 200_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if is_killed {
            child.start_kill().unwrap();
        } else {
            terminate(&child).await;
        }
        let answers: HashMap<String, Option<Counted>> = clients.join_all().await.into_iter().flatten().collect();
        child.wait().await.unwrap();
        let audited = audited(&path);
        let mut accepted = 0;
        for (id, answer) in &answers {
            match (answer, audited.get(id)) {
                (Some(answer), line) => {
                    assert_eq!(Some(answer), line, "{id}");
                    accepted += answer.accepted;
                }
                // Without an answer nobody knows: after a kill it may be in the log or not. A stop ends only
                // connections on which nothing has come.
                (None, line) => assert!(is_killed || line.is_none(), "{id}"),
            }
        }
        for (id, line) in &audited {
            let is_known = answers.contains_key(id);
            assert!(is_known || line.accepted == 0, "{id} was accepted, and no client sent it");
        }
        assert!(accepted > 500, "{accepted}");
    }
}
