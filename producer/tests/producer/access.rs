//! API keys as an operator makes them and a client uses them, and that nothing shows one.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::client::{Connection, POST, post_to, post_with, request, within_patience};
use crate::program::{run, serving, terminate};
use crate::running::Producer;
use crate::topic::fresh_topic;

/// A new key of a caller, and its entry for the file.
async fn new_key(arguments: &[&str]) -> (String, String) {
    let (code, output, hint) = run(&[&["keys", "new"], arguments].concat(), &[]).await;
    assert!(code == 0 && hint.contains("shown only here"), "{code} {hint}");
    let (key, entry) = output.trim_end().split_once('\n').unwrap();
    assert!(key.starts_with("sk_") && !entry.contains(key), "{output}");
    (key.to_owned(), entry.to_owned())
}

fn file_of(entries: &[&str]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    fs::write(&path, format!("[{}]", entries.join(","))).unwrap();
    (directory, path)
}

#[tokio::test]
async fn the_producer_asks_for_a_key_of_the_kind() {
    let (shop, all) = new_key(&["shop"]).await;
    let (till, orders) = new_key(&["till", "--kinds", "order"]).await;
    let (_directory, path) = file_of(&[&all, &orders]);
    let producer = Producer::without_kafka(&[("API_KEYS_FILE", path.to_str().unwrap())]).await;
    let bearer = |key: &str| format!("authorization: Bearer {key}\r\n");
    for path in ["/create-post", "/create-posts"] {
        producer.ask(post_to(path, "", POST)).await.problem(401);
        producer.ask(post_to(path, "x-api-key: sk_unknown\r\n", POST)).await.problem(401);
        let forbidden = producer.ask(post_to(path, &bearer(&till), POST)).await.problem(403);
        assert_eq!(forbidden["detail"], "with this credential you may not use the kind `post`");
    }
    // Who is let in is judged as ever.
    assert_eq!(producer.ask(post_with(&bearer(&shop), "{}")).await.errors().len(), 2);
    for (key, path) in [(&shop, "/api/orders/"), (&till, "/api/orders"), (&till, "/api/orders/bulk")] {
        producer.ask(post_to(path, &format!("x-api-key: {key}\r\n"), "{}")).await.problem(400);
    }
    for (path, status) in [("/", 200), ("/livez", 200), ("/api/health", 503), ("/openapi.json", 200), ("/docs", 200)] {
        assert_eq!(producer.get(path).await.status, status, "{path}");
    }
    assert_eq!(producer.look("/metrics").await.metric("http_server_api_keys"), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_shows_a_key() {
    let (key, entry) = new_key(&["shop"]).await;
    let (_directory, path) = file_of(&[&entry]);
    let settings = [("API_KEYS_FILE", path.to_str().unwrap()), ("LOG", "trace"), ("LOG_FORMAT", "json")];
    let (child, addresses) = serving(&fresh_topic(), &settings).await;
    let marker = "sk_S3CRETMARKER";
    let mut shown = Vec::new();
    let mut connection = Connection::open(addresses.clients).await;
    for credential in [key.as_str(), marker] {
        for header in ["x-api-key: ", "authorization: Bearer ", "authorization: "] {
            let answer = connection.ask(post_with(&format!("{header}{credential}\r\n"), POST)).await;
            shown.push(answer.text().to_owned());
        }
        let both = format!("x-api-key: {credential}\r\nauthorization: Bearer {credential}\r\n");
        shown.push(connection.ask(post_with(&both, POST)).await.text().to_owned());
    }
    assert!(shown[0].contains("Post created successfully"), "{shown:?}");
    for page in ["/status", "/metrics", "/readyz", "/"] {
        shown.push(Connection::open(addresses.operators).await.ask(request("GET", page)).await.text().to_owned());
    }
    // A key in the file, where its hash belongs, is not shown either.
    fs::write(&path, format!(r#"[{{"name":"shop","hash":"{marker}"}}]"#)).unwrap();
    let errors = run(&["--check-config"], &settings).await;
    assert!(errors.0 == 64 && errors.2.contains("entry 1 (`shop`)"), "{errors:?}");
    shown.extend([errors.1, errors.2]);
    terminate(&child).await;
    let output = within_patience("its end", child.wait_with_output()).await.unwrap();
    let log = String::from_utf8(output.stdout).unwrap() + std::str::from_utf8(&output.stderr).unwrap();
    assert!(log.contains("Message sent to topic"), "the log has every line: {log}");
    shown.push(log);
    for secret in [&key[3..], &marker[3..]] {
        for text in &shown {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
