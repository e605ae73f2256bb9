//! A caller sees and changes what it has submitted itself, and an administrator everything.

use serde_json::{Value, json};
use submissions::Roles;

use crate::client::{JSON, Response, ask, request};
use crate::program::export;
use crate::running::{GOOD, Server, id, sqlite};

/// The hashes of the keys `one`, `five` and `two`.
const KEYS: &str = r#"[
    {"name":"shop","hash":"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"},
    {"name":"desk","hash":"sha256:222b0bd51fcef7e65c2e62db2ed65457013bab56be6fafeb19ee11d453153c80"},
    {"name":"chief","hash":"sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3",
     "scopes":["admin"]}
]"#;

const SHOP: &str = "one";
const DESK: &str = "five";
const CHIEF: &str = "two";

/// What somebody with this key is answered.
async fn with(server: &Server, key: &str, method: &str, path: &str, body: &str) -> Response {
    let headers = format!("{JSON}x-api-key: {key}\r\n");
    ask(server.address, &request(method, path, &headers, body)).await
}

async fn submit(server: &Server, key: &str, content: &str) -> String {
    let body = json!({ "content": content }).to_string();
    id(&with(server, key, "POST", "/api/submissions", &body).await.json(202)).to_owned()
}

/// The ids of a list.
async fn listed(server: &Server, key: &str, path: &str) -> Vec<String> {
    let page = with(server, key, "GET", path, "").await.json(200);
    page["submissions"].as_array().unwrap().iter().map(|found| id(found).to_owned()).collect()
}

#[tokio::test]
async fn what_another_caller_has_submitted_does_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    let (url, path) = (sqlite(folder.path()), folder.path().join("keys.json"));
    std::fs::write(&path, KEYS).unwrap();
    let open = Server::with_database(Roles::API, &url, &[]).await;
    let nobodys = id(&open.submit(GOOD).await).to_owned();
    assert_eq!(open.get("/api/workers").await.status, 200, "nobody is asked who he is");
    open.stopped().await;

    let server = Server::with_database(Roles::API, &url, &[("API_KEYS_FILE", path.to_str().unwrap())]).await;
    let of_shop = submit(&server, SHOP, GOOD).await;
    let of_desk = submit(&server, DESK, GOOD).await;
    let bulk = with(&server, DESK, "POST", "/api/submissions/bulk", r#"[{"content":"in bulk 1"}]"#).await.json(202);
    let in_bulk = id(&bulk["results"][0]).to_owned();

    let missing = with(&server, SHOP, "GET", &format!("/api/submissions/{}", uuid::Uuid::now_v7()), "").await;
    for other in [&of_desk, &in_bulk, &nobodys] {
        let tag = with(&server, CHIEF, "GET", &format!("/api/submissions/{other}"), "").await;
        let tag = tag.header("etag").unwrap().to_owned();
        for (method, path) in [("GET", ""), ("POST", "/cancel"), ("POST", "/retry")] {
            let path = format!("/api/submissions/{other}{path}");
            let headers = format!("x-api-key: {SHOP}\r\nif-none-match: {tag}\r\n");
            let answer = ask(server.address, &request(method, &path, &headers, "")).await;
            assert_eq!(answer.problem(404), missing.problem(404), "{path}");
            assert_eq!(answer.header("etag"), None);
        }
        let page = with(&server, SHOP, "GET", &format!("/submissions/{other}"), "").await;
        assert!(page.status == 404 && !page.text().contains(GOOD), "{page:?}");
    }
    assert_eq!(listed(&server, SHOP, "/api/submissions").await, [of_shop.as_str()]);
    assert_eq!(listed(&server, DESK, "/api/submissions?status=PENDING&limit=1").await, [in_bulk.as_str()]);
    let all = [&in_bulk, &of_desk, &of_shop, &nobodys].map(String::as_str);
    assert_eq!(listed(&server, CHIEF, "/api/submissions").await, all);
    for path in ["/api/submissions", "/api/stats", "/api/dead-letters"] {
        let answer = with(&server, SHOP, "GET", path, "").await;
        assert_eq!(answer.header("cache-control"), Some("private, no-store"), "no cache mixes callers: {path}");
    }
    let pending = async |key: &str| -> Value {
        with(&server, key, "GET", "/api/stats", "").await.json(200)["statuses"]["PENDING"].clone()
    };
    assert_eq!([pending(SHOP).await, pending(DESK).await, pending(CHIEF).await], [json!(1), json!(2), json!(4)]);

    for (key, path, expected) in [
        (SHOP, format!("/api/submissions/{of_shop}/cancel"), 200),
        (CHIEF, format!("/api/submissions/{of_desk}/cancel"), 200),
        (CHIEF, format!("/api/submissions/{nobodys}/cancel"), 200),
    ] {
        assert_eq!(with(&server, key, "POST", &path, "").await.status, expected, "{path}");
    }
    let retry_all = async |key: &str| {
        with(&server, key, "POST", "/api/submissions/retry?status=CANCELLED", "").await.json(200)["retried"].clone()
    };
    assert_eq!([retry_all(SHOP).await, retry_all(CHIEF).await], [json!(1), json!(2)]);
    let letters = json!({ "dead_letters": [], "next": null });
    assert_eq!(with(&server, SHOP, "GET", "/api/dead-letters", "").await.json(200), letters);
    server.stopped().await;
    let owners: Vec<Value> = export(&url).await.iter().map(|exported| exported["owner"].clone()).collect();
    assert_eq!(owners, [json!("desk"), json!("desk"), json!("shop"), json!(null)]);
}

#[tokio::test]
async fn workers_are_for_administrators() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, KEYS).unwrap();
    let server = Server::with_file(Roles::ALL, &[("API_KEYS_FILE", path.to_str().unwrap())]).await;
    let refused = with(&server, SHOP, "GET", "/api/workers", "").await;
    assert_eq!(refused.problem(403), "this needs a credential with the scope `admin`");
    let challenge = r#"Bearer realm="api", error="insufficient_scope", scope="admin""#;
    assert_eq!(refused.header("www-authenticate"), Some(challenge));
    assert_eq!(with(&server, CHIEF, "GET", "/api/workers", "").await.status, 200);
    for (key, expected) in [(SHOP, false), (CHIEF, true)] {
        let page = with(&server, key, "GET", "/", "").await;
        let shown = ["workers-heading", "Stuck in PROCESSING"].map(|part| page.text().contains(part));
        assert_eq!((page.status, shown), (200, [expected; 2]), "{key}");
    }
    server.stopped().await;
}
