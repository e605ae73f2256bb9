//! API keys: what needs one, and what does not.

use submissions::Roles;

use crate::client::{JSON, ask, request};
use crate::running::{GOOD, Server};

/// The hashes of the keys `one` and `two`.
const KEYS: &str = r#"[
    {"name":"shop","hash":"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"},
    {"name":"till","hash":"sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3","kinds":["post"]}
]"#;

#[tokio::test]
async fn only_a_key_of_submissions_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, KEYS).unwrap();
    let server = Server::with_file(Roles::API, &[("API_KEYS_FILE", path.to_str().unwrap())]).await;
    let body = format!(r#"{{"content":"{GOOD}"}}"#);
    for (method, path, status) in [
        ("POST", "/api/submissions", 202),
        ("GET", "/api/submissions/", 200),
        ("GET", "/api/stats", 200),
        ("GET", "/", 200),
    ] {
        for (key, status) in [("", 401), ("x-api-key: three\r\n", 401), ("x-api-key: two\r\n", 403)] {
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
