//! Cancelling and trying again, alone and all at once; figures and workers.

use serde_json::json;
use submissions::Roles;

use crate::client::JSON;
use crate::running::{BAD, GOOD, Server, eventually, id};

#[tokio::test]
async fn what_is_not_final_can_be_cancelled_and_what_has_failed_tried_again() {
    let server = Server::with_file(Roles::ALL, &[("WORK_TIME", "1ms"), ("CACHE_ENTRIES", "0")]).await;
    let (passed, failed) = (server.submit(GOOD).await, server.submit(BAD).await);
    server.becomes(id(&passed), "PASSED").await;
    let before = server.becomes(id(&failed), "FAILED").await;
    let change = async |submission: &str, what: &str| {
        server.post(&format!("/api/submissions/{submission}/{what}/"), "", "").await
    };
    for (submission, what, detail) in [
        (&passed, "cancel", "a submission that is PASSED cannot be cancelled, only one that is not final"),
        (&failed, "cancel", "a submission that is FAILED cannot be cancelled, only one that is not final"),
        (&passed, "retry", "a submission that is PASSED cannot be tried again, only one that is FAILED or CANCELLED"),
    ] {
        assert_eq!(change(id(submission), what).await.problem(409), detail);
    }
    let retried = change(id(&failed), "retry").await.json(200);
    assert_eq!((&retried["series"], &retried["processed_at"]), (&json!(2), &json!(null)));
    let after = server.becomes(id(&failed), "FAILED").await;
    assert_eq!((&before["series"], &after["series"]), (&json!(1), &json!(2)));
    for unknown in ["019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b", "7", "..%2f"] {
        assert_eq!(server.get(&format!("/api/submissions/{unknown}")).await.status, 404, "{unknown}");
        for what in ["cancel", "retry"] {
            assert_eq!(change(unknown, what).await.problem(404), "there is no submission with this id");
        }
    }
    assert_eq!(server.counted("submissions_retries_total", "manual").await, 1);
    server.stopped().await;
}

#[tokio::test]
async fn what_is_being_worked_on_can_be_cancelled() {
    let server = Server::with_file(Roles::ALL, &[("WORK_TIME", "60s")]).await;
    let submission = server.submit(GOOD).await;
    server.becomes(id(&submission), "PROCESSING").await;
    let cancelled = server.post(&format!("/api/submissions/{}/cancel", id(&submission)), "", "").await.json(200);
    assert_eq!(cancelled["status"], "CANCELLED");
    let stats = server.get("/api/stats").await.json(200);
    assert_eq!(stats["statuses"], json!({ "PENDING": 0, "PROCESSING": 0, "PASSED": 0, "FAILED": 0, "CANCELLED": 1 }));
    server.stopped().await;
}

#[tokio::test]
async fn all_of_a_status_are_tried_again() {
    let server = Server::with_file(Roles::API, &[]).await;
    for _ in 0..3 {
        let submission = server.submit(GOOD).await;
        server.post(&format!("/api/submissions/{}/cancel", id(&submission)), JSON, "{}").await.json(200);
    }
    server.submit(BAD).await;
    let retry = async |query: &str| server.post(&format!("/api/submissions/retry{query}"), "", "").await;
    assert_eq!(retry("").await.errors(), ["status is required: FAILED or CANCELLED"]);
    assert_eq!(retry("?status=PASSED").await.errors(), ["status must be FAILED or CANCELLED"]);
    assert_eq!(retry("?status=FAILED").await.json(200), json!({ "retried": 0 }));
    assert_eq!(retry("?status=CANCELLED").await.json(200), json!({ "retried": 3 }));
    let stats = server.get("/api/stats").await.json(200);
    assert_eq!(stats["statuses"]["PENDING"], 4);
    assert!(stats["oldest_pending_seconds"].as_f64().unwrap() > 0.0, "{stats}");
    server.stopped().await;
}

#[tokio::test]
async fn workers_are_listed_while_they_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let url = crate::running::sqlite(folder.path());
    let api = Server::with_database(Roles::API, &url, &[]).await;
    assert_eq!(api.get("/api/workers").await.json(200), json!({ "workers": [] }));
    let worker = Server::with_database(Roles::WORKER, &url, &[("WORKER_CONCURRENCY", "7")]).await;
    let workers = async || api.get("/api/workers").await.json(200)["workers"].clone();
    eventually("a worker", async || workers().await[0]["concurrency"] == 7).await;
    assert_eq!(worker.get("/api/workers").await.status, 404, "it serves no API");
    assert_eq!(worker.look("/status").await.status, 200);
    for server in [&api, &worker] {
        assert!(server.get("/status").await.problem(404).contains("ADMIN_PORT"));
    }
    worker.stopped().await;
    assert_eq!(workers().await, json!([]));
    api.stopped().await;
}
