//! Lists, page by page.

use serde_json::{Value, json};
use submissions::Roles;

use crate::client::JSON;
use crate::running::{GOOD, Server, id};

fn ids(page: &Value) -> Vec<String> {
    page["submissions"].as_array().unwrap().iter().map(|submission| id(submission).to_owned()).collect()
}

#[tokio::test]
async fn pages_lead_through_all_submissions_from_the_newest_on() {
    let server = Server::with_file(Roles::API, &[]).await;
    let bulk: Vec<Value> = (0..57).map(|number| json!({ "content": number.to_string() })).collect();
    let answer = server.post("/api/submissions/bulk", JSON, &Value::from(bulk).to_string()).await.json(202);
    let mut expected: Vec<String> =
        answer["results"].as_array().unwrap().iter().map(|result| id(result).to_owned()).collect();
    expected.reverse();
    for id in &expected[..7] {
        server.post(&format!("/api/submissions/{id}/cancel"), "", "").await.json(200);
    }
    for (first, sizes, expected) in [
        ("/api/submissions", &[50, 7][..], &expected[..]),
        ("/api/submissions?limit=19", &[19, 19, 19], &expected[..]),
        ("/api/submissions?limit=200&status=PENDING", &[50], &expected[7..]),
        ("/api/submissions?status=CANCELLED&limit=3", &[3, 3, 1], &expected[..7]),
        ("/api/submissions?status=FAILED", &[0], &[]),
    ] {
        let (mut next, mut found, mut pages) = (Some(first.to_owned()), Vec::new(), Vec::new());
        while let Some(path) = next {
            let page = server.get(&path).await.json(200);
            pages.push(ids(&page).len());
            found.extend(ids(&page));
            next = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!((&pages[..], &found[..]), (sizes, expected), "{first}");
    }
    let first = server.get("/api/submissions?limit=1").await.json(200);
    server.submit("meanwhile").await;
    let second = server.get(first["next"].as_str().unwrap()).await.json(200);
    assert_eq!(ids(&second)[0], expected[1], "what is submitted meanwhile moves no page");
    server.stopped().await;
}

#[tokio::test]
async fn a_page_ends_where_its_contents_take_a_megabyte() {
    let server = Server::with_file(Roles::API, &[]).await;
    let bulk: Vec<Value> = (0..120).map(|_| json!({ "content": "x".repeat(10_000) })).collect();
    server.post("/api/submissions/bulk", JSON, &Value::from(bulk).to_string()).await.json(202);
    let first = server.get("/api/submissions?limit=200").await.json(200);
    let second = server.get(first["next"].as_str().unwrap()).await.json(200);
    assert_eq!((ids(&first).len(), ids(&second).len(), &second["next"]), (100, 20, &Value::Null));
    let all: std::collections::BTreeSet<String> = ids(&first).into_iter().chain(ids(&second)).collect();
    assert_eq!(all.len(), 120, "each is on one of them");
    server.stopped().await;
}

#[tokio::test]
async fn a_query_that_is_wrong_is_named() {
    let server = Server::with_file(Roles::API, &[]).await;
    let response = server.get("/api/submissions?status=failed&limit=201&after=x").await;
    assert_eq!(
        response.errors(),
        [
            "status must be one of PENDING, PROCESSING, PASSED, FAILED, CANCELLED",
            "after must be the id of a submission",
            "limit must be a whole number from 1 to 200",
        ]
    );
    server.stopped().await;
}

#[tokio::test]
async fn dead_letters_are_listed_with_what_came_after() {
    let settings = [("WORK_TIME", "1ms"), ("WORK_FAILURES", "100"), ("MAX_ATTEMPTS", "2"), ("RETRY_BACKOFF", "1ms")];
    let server = Server::with_file(Roles::ALL, &settings).await;
    assert_eq!(server.get("/api/dead-letters").await.json(200), json!({ "dead_letters": [], "next": null }));
    let mut expected = Vec::new();
    for _ in 0..3 {
        let submission = server.submit(GOOD).await;
        let failed = server.becomes(id(&submission), "FAILED").await;
        expected.insert(
            0,
            json!({
                "id": failed["id"], "series": 1, "attempts": 2, "reason": failed["reason"],
                "at": failed["processed_at"], "status": "FAILED",
            }),
        );
    }
    assert!(expected[0]["reason"].is_string(), "{expected:?}");
    let whole = server.get("/api/dead-letters/").await.json(200);
    assert_eq!(whole, json!({ "dead_letters": expected, "next": null }));
    let first = server.get("/api/dead-letters?limit=2").await.json(200);
    assert_eq!(first["dead_letters"], json!(expected[..2]));
    let second = server.get(first["next"].as_str().unwrap()).await.json(200);
    assert_eq!(second, json!({ "dead_letters": expected[2..], "next": null }));
    let page = server.get("/").await;
    assert!(page.text().contains(r#"<a href="./api/dead-letters">Dead letters</a>"#), "{}", page.text());
    let wrong = server.get("/api/dead-letters?after=1&limit=0").await.errors();
    let errors =
        ["after must be the id of a submission, a dot, and a series", "limit must be a whole number from 1 to 200"];
    assert_eq!(wrong, errors);
    server.stopped().await;
}
