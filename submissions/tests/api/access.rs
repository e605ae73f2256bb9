//! API keys: what needs one, and what does not.

use submissions::Roles;

use crate::client::{JSON, ask, request};
use crate::running::{GOOD, Server};

/// The hashes of the keys `one`, `two` and `five`.
const KEYS: &str = r#"[
    {"name":"shop","hash":"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"},
    {"name":"till","hash":"sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3","kinds":["post"]},
    {"name":"desk","hash":"sha256:222b0bd51fcef7e65c2e62db2ed65457013bab56be6fafeb19ee11d453153c80","rate":"3/h"}
]"#;

#[tokio::test]
async fn an_idempotency_key_belongs_to_its_caller_and_a_bulk_counts_its_submissions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, KEYS).unwrap();
    let server = Server::with_file(Roles::API, &[("API_KEYS_FILE", path.to_str().unwrap())]).await;
    let send = async |key: &str, content: &str| {
        let headers = format!("{JSON}x-api-key: {key}\r\nidempotency-key: k\r\n");
        let body = format!(r#"{{"content":"{content}"}}"#);
        ask(server.address, &request("POST", "/api/submissions", &headers, &body)).await
    };
    let of_shop = send("one", GOOD).await.json(202);
    let of_desk = send("five", "another content, 2").await.json(202);
    assert_ne!(of_shop["id"], of_desk["id"]);
    assert_eq!(send("one", GOOD).await.json(202)["id"], of_shop["id"]);
    send("one", "another content, 2").await.problem(422);
    let headers = format!("{JSON}x-api-key: five\r\n");
    let bulk =
        request("POST", "/api/submissions/bulk", &headers, r#"[{"content":"1 of many"},{"content":"2 of many"}]"#);
    assert_eq!(ask(server.address, &bulk).await.status, 202);
    assert_eq!(ask(server.address, &bulk).await.status, 429);
    server.stopped().await;
}

#[tokio::test]
async fn only_a_key_of_submissions_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, KEYS).unwrap();
    let server = Server::with_file(Roles::API, &[("API_KEYS_FILE", path.to_str().unwrap())]).await;
    let body = format!(r#"{{"content":"{GOOD}"}}"#);
    for (method, path, status, without) in [
        ("POST", "/api/submissions", 202, 401),
        ("GET", "/api/submissions/", 200, 401),
        ("GET", "/api/stats", 200, 401),
        // People are led to where they can sign in.
        ("GET", "/", 200, 303),
    ] {
        for (key, status) in [("", without), ("x-api-key: three\r\n", 401), ("x-api-key: two\r\n", 403)] {
            let headers = format!("{JSON}{key}");
            assert_eq!(ask(server.address, &request(method, path, &headers, &body)).await.status, status, "{path}");
        }
        let headers = format!("{JSON}authorization: Bearer one\r\n");
        assert_eq!(ask(server.address, &request(method, path, &headers, &body)).await.status, status, "{path}");
    }
    for path in ["/livez", "/readyz", "/docs", "/openapi.json", "/page.js", "/page.css"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    server.stopped().await;
}
