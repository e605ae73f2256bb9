//! The page as a browser without scripts gets it. How it looks and what its scripts do is for `.ci/run page`.

use serde_json::json;
use submissions::Roles;

use crate::client::Response;
use crate::running::{BAD, GOOD, Server, id};

pub(crate) const FORM: &str = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";

/// A page with this status, which no script but its own can change and no other site can frame.
pub(crate) fn page(response: &Response, status: u16) -> &str {
    assert_eq!((response.status, response.header("content-type")), (status, Some("text/html; charset=utf-8")));
    let policy = response.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let html = response.text();
    assert!(!html.contains("<style") && !html.contains(" style="), "nothing is inline: {html}");
    html
}

#[tokio::test]
async fn forms_do_what_the_api_does_and_lead_back() {
    let server = Server::with_file(Roles::API, &[]).await;
    let answer = server.post("/", FORM, "key=&content=two%0D%0Alines+and+1+digit").await;
    let location = answer.header("location").unwrap().to_owned();
    let submitted = location.strip_prefix("./?live#s-").unwrap();
    assert_eq!(answer.status, 303);
    let submission = server.submission(submitted).await;
    assert_eq!((&submission["content"], &submission["status"]), (&json!("two\nlines and 1 digit"), &json!("PENDING")));
    assert_eq!(server.counted("submissions_accepted_total", "").await, 1);

    for (action, back, status, location) in [
        ("cancel", "%3Fstatus%3DPENDING", "CANCELLED", format!("../../?status=PENDING#s-{submitted}")),
        ("retry", "one", "PENDING", format!("../{submitted}")),
        ("cancel", "https://example.com/", "CANCELLED", format!("../../#s-{submitted}")),
    ] {
        let answer = server.post(&format!("/submissions/{submitted}/{action}"), FORM, &format!("back={back}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(location.as_str())), "{action}");
        assert_eq!(server.submission(submitted).await["status"], status);
    }
    let answer = server.post("/submissions/retry", FORM, "status=CANCELLED&back=%3Fstatus%3DCANCELLED").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("../?status=CANCELLED")));
    assert_eq!(server.submission(submitted).await["series"], 3);
    server.stopped().await;
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_one_submission() {
    let server = Server::with_file(Roles::API, &[]).await;
    let home = server.get("/").await;
    let key = page(&home, 200).split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let send = async |content: &str| server.post("/", FORM, &format!("key={key}&content={content}")).await;
    let first = send("something").await.header("location").map(str::to_owned);
    assert_eq!(send("something").await.header("location").map(str::to_owned), first);
    assert_ne!(send("something+else").await.header("location").map(str::to_owned), first, "from a form gone back to");
    assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 2);
    assert!(!page(&server.get("/").await, 200).contains(key), "each page has a form of its own");
    server.stopped().await;
}

#[tokio::test]
async fn what_cannot_be_done_is_a_page_that_says_why() {
    let server = Server::with_file(Roles::API, &[("MAX_CONTENT_CHARS", "20")]).await;
    let key = "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b";
    let rejected = server.post("/", FORM, &format!("key={key}&content=a%00b")).await;
    let html = page(&rejected, 400);
    assert!(html.contains("It must not contain the character U+0000.") && html.contains("a\u{fffd}b</"), "{html}");
    assert!(html.contains(&format!("value=\"{key}\"")), "it is the same form: {html}");
    let (path, unknown) = ("/submissions/019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b", "There is no such submission");
    assert!(page(&server.get(path).await, 404).contains(unknown));
    assert!(page(&server.get("/submissions/7").await, 404).contains(unknown));
    assert!(page(&server.post(&format!("{path}/cancel"), FORM, "").await, 404).contains(unknown));
    let open = server.submit(BAD).await;
    let retried = server.post(&format!("/submissions/{}/retry", id(&open)), FORM, "").await;
    assert!(page(&retried, 409).contains("It is PENDING and cannot be retried."));
    page(&server.post("/submissions/retry", FORM, "status=PASSED").await, 400);
    for (headers, body, status) in [
        ("content-type: application/json\r\n", "{}".to_owned(), 415),
        (FORM, "content=%FF".to_owned(), 400),
        (FORM, format!("content={}", "x".repeat(70_000)), 413),
        (
            "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: cross-site\r\n",
            "content=x".to_owned(),
            403,
        ),
    ] {
        page(&server.post("/", headers, &body).await, status);
    }
    assert_eq!(server.counted("submissions_rejected_total", "").await, 5);
    assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 1, "nothing was done");
    server.stopped().await;
}

#[tokio::test]
async fn the_page_has_what_its_address_says() {
    let server = Server::with_file(Roles::ALL, &[("WORK_TIME", "1ms")]).await;
    let (passed, failed) = (server.submit(GOOD).await, server.submit(BAD).await);
    server.becomes(id(&passed), "PASSED").await;
    server.becomes(id(&failed), "FAILED").await;
    for (path, has_passed, has_failed) in [
        ("/".to_owned(), true, true),
        ("/?status=FAILED".to_owned(), false, true),
        (format!("/?after={}", id(&failed)), true, false),
        ("/?status=nothing&live".to_owned(), true, true),
    ] {
        let response = server.get(&path).await;
        let has = |submission| page(&response, 200).contains(&format!("data-id=\"{}\"", id(submission)));
        assert_eq!((has(&passed), has(&failed)), (has_passed, has_failed), "{path}");
        assert_eq!(response.header("refresh").is_some(), path.ends_with("live"), "{path}");
    }
    let one = server.get(&format!("/submissions/{}", id(&failed))).await;
    assert!(page(&one, 200).contains("content has 8 of at least 10 characters and has no digit"));
    server.stopped().await;
}

#[tokio::test]
async fn script_and_style_are_kept_by_their_version() {
    let server = Server::with_file(Roles::API, &[]).await;
    let home = server.get("/").await;
    for (name, media_type) in [("page.js", "text/javascript"), ("page.css", "text/css")] {
        let link = page(&home, 200).split(&format!("./{name}")).nth(1).unwrap().split('"').next().unwrap();
        let asset = server.get(&format!("/{name}{link}")).await;
        assert_eq!(asset.status, 200);
        assert!(asset.header("content-type").unwrap().starts_with(media_type));
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
        assert_eq!(server.get(&format!("/{name}")).await.header("cache-control"), Some("no-cache"));
    }
    server.stopped().await;
}
