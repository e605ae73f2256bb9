//! A database that is not there.

use submissions::Roles;

use crate::client::JSON;
use crate::running::{Server, eventually};

#[tokio::test]
async fn until_the_database_is_there_everything_that_needs_it_is_503() {
    let url = format!("postgres://me:secret@127.0.0.1:{}/submissions", stack::free_port());
    let server = Server::start(Roles::ALL, &[("DATABASE_URL", &url)]).await;
    let reason = async || server.get("/readyz").await.problem_of_readiness();
    eventually("the reason", async || !reason().await.contains("database: connecting")).await;
    assert!(!reason().await.contains("secret"));
    for path in ["/api/submissions", "/api/stats", "/"] {
        assert_eq!(server.get(path).await.problem(503), "the database is not open yet: try again", "{path}");
    }
    server.post("/api/submissions", JSON, r#"{"content":"a"}"#).await.problem(503);
    for path in ["/livez", "/openapi.json", "/docs"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    for path in ["/", "/livez", "/metrics", "/status"] {
        assert_eq!(server.look(path).await.status, 200, "{path}");
    }
    server.stopped().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_ends_the_start() {
    let server = Server::start(Roles::ALL, &[("DATABASE_URL", "sqlite:/no/such/folder/submissions.db")]).await;
    let error = format!("{:#}", server.ended().await.unwrap_err());
    assert!(error.contains("/no/such/folder"), "{error}");
}
