//! Lists, page by page.

use serde_json::{Value, json};
use submissions::Roles;

use crate::client::JSON;
use crate::running::{Server, id};

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
