//! People sign in to the page: the cookie counts like the credential that is sealed in it, and for nobody else's pages.

use serde_json::json;
use submissions::Roles;

use crate::client::{JSON, Response, ask, request};
use crate::running::{GOOD, Server, eventually};

/// The hashes of the keys `one` and `two`; the second one is of another kind.
const ONE: &str = r#"{"name":"shop","rate":"1000/h",
    "hash":"sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"}"#;
const TWO: &str = r#"{"name":"till","kinds":["post"],
    "hash":"sha256:3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"}"#;

const OWN: &str = "sec-fetch-site: same-origin\r\n";
const FORM: &str = "content-type: application/x-www-form-urlencoded\r\nsec-fetch-site: same-origin\r\n";
const KEY: &str = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f";

/// A server that asks for keys.
struct Asking {
    server: Server,
    folder: tempfile::TempDir,
}

impl Asking {
    async fn start(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        std::fs::write(&path, format!("[{ONE},{TWO}]")).unwrap();
        let settings = [&[("API_KEYS_FILE", path.to_str().unwrap())][..], more].concat();
        Self { server: Server::with_file(Roles::API, &settings).await, folder }
    }

    async fn sign_in(&self, credential: &str, next: &str) -> Response {
        self.server.post("/sign-in", FORM, &format!("credential={credential}&next={next}")).await
    }

    /// The header with the cookie that a browser would send after signing in with the key `one`.
    async fn cookie(&self) -> String {
        let answer = self.sign_in("one", "/").await;
        let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap();
        format!("cookie: {cookie}\r\n")
    }

    async fn get(&self, path: &str, headers: &str) -> Response {
        ask(self.server.address, &request("GET", path, headers, "")).await
    }
}

#[tokio::test]
async fn somebody_signs_in_submits_and_signs_out() {
    let asking = Asking::start(&[("SESSION_KEY", KEY)]).await;
    let led = asking.get("/?status=FAILED", "").await;
    assert_eq!((led.status, led.header("location")), (303, Some("./sign-in?next=/%3Fstatus%3DFAILED")));
    let form = asking.get("/sign-in?next=/%3Fstatus%3DFAILED", "").await;
    assert!(form.status == 200 && form.text().contains(r#"name="next" value="/?status=FAILED""#), "{form:?}");
    assert!(!form.text().contains("Sign out") && form.header("set-cookie").is_none());

    let signed_in = asking.sign_in("+one+", "/%3Fstatus%3DFAILED").await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("./?status=FAILED")));
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(cookie.starts_with("ingest-session=") && !cookie.contains("one"), "{cookie}");
    assert!(cookie.ends_with("; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(signed_in.header("cache-control"), Some("no-store"));

    let cookie = asking.cookie().await;
    let page = asking.get("/", &cookie).await;
    assert!(page.text().contains("Signed in as <strong>shop</strong>") && page.text().contains("Sign out"));
    let answer = asking.server.post("/", &format!("{FORM}{cookie}"), "content=by+the+form+1").await;
    assert_eq!(answer.status, 303);
    let json = json!({ "content": GOOD }).to_string();
    asking.server.post("/api/submissions", &format!("{JSON}{OWN}{cookie}"), &json).await.json(202);
    let listed = asking.get("/api/submissions", &cookie).await;
    assert_eq!(listed.json(200)["submissions"].as_array().unwrap().len(), 2);
    assert!(listed.header("ratelimit-policy").unwrap().contains("q=1000"), "the rate is that of the key");
    let by_key = asking.get("/api/submissions", "x-api-key: one\r\n").await;
    assert_eq!(by_key.json(200)["submissions"].as_array().unwrap().len(), 2);

    let out = asking.server.post("/sign-out", &format!("{FORM}{cookie}"), "").await;
    assert_eq!((out.status, out.header("location")), (303, Some("./sign-in")));
    assert_eq!(out.header("set-cookie"), Some("ingest-session=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"));
    asking.server.stopped().await;
}

#[tokio::test]
async fn what_cannot_sign_in_gets_the_form_with_what_is_wrong() {
    let asking = Asking::start(&[]).await;
    let long = format!("a.b.{}", "c".repeat(3_000));
    for (credential, words) in [
        ("", "Enter a key or a token."),
        ("three", "does not know the key"),
        ("a.b.c", "does not know the key"),
        ("two", "may not be used for submissions"),
        (&long, "longer than 3,000 bytes"),
    ] {
        let answer = asking.sign_in(credential, "//evil.example").await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{credential}");
        let text = answer.text();
        assert!(text.contains(words) && text.contains(r#"name="next" value="/""#), "{credential}: {text}");
        assert!(credential.len() < 4 || !text.contains(credential), "what was sent is not shown: {text}");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="api""#));
    }
    let counted = async |reason: &str| {
        let label = format!("reason=\"{reason}\"");
        asking.server.counted("http_server_denied_requests_total", &label).await
    };
    assert_eq!([counted("unknown_key").await, counted("kind").await], [2, 1]);
    // Where somebody continues is always here.
    for next in ["//evil.example", "/%5C%5Cevil.example", "https:evil.example", "https://evil.example/"] {
        let answer = asking.sign_in("one", next).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("./")), "{next}");
    }
    assert_eq!(asking.sign_in(&"k".repeat(100_000), "/").await.status, 413, "nobody need be known to send it");
    let compressed =
        asking.server.post("/sign-in", &format!("{FORM}content-encoding: gzip\r\n"), "credential=one").await;
    assert_eq!((compressed.status, compressed.header("set-cookie")), (415, None));
    for headers in ["", "sec-fetch-site: cross-site\r\n", "origin: https://evil.example\r\n"] {
        let headers = format!("content-type: application/x-www-form-urlencoded\r\n{headers}");
        for path in ["/sign-in", "/sign-out"] {
            let answer = asking.server.post(path, &headers, "credential=one").await;
            assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{path} {headers}");
        }
    }
    asking.server.stopped().await;
}

#[tokio::test]
async fn a_cookie_that_is_not_good_lets_nobody_in_and_one_of_another_process_does() {
    let asking = Asking::start(&[("SESSION_KEY", KEY)]).await;
    let cookie = asking.cookie().await;
    let whole = cookie.trim_end();
    let (last, rest) = (whole.chars().last().unwrap(), &whole[..whole.len() - 1]);
    let tampered = format!("{rest}{}", if last == 'A' { 'B' } else { 'A' });
    let twice = format!("{whole}; {}", &whole[8..]);
    for wrong in [&tampered, rest, "cookie: ingest-session=one", "cookie: ingest-session=", &twice] {
        let wrong = format!("{wrong}\r\n");
        assert!(asking.get("/api/stats", &wrong).await.problem(401).contains("session is over"), "{wrong}");
        assert_eq!(
            asking.get("/submissions/7", &wrong).await.header("location"),
            Some("../sign-in?next=/submissions/7")
        );
        // A header wins.
        assert_eq!(asking.get("/api/stats", &format!("{wrong}x-api-key: one\r\n")).await.status, 200);
    }
    let header = asking.get("/", &format!("{cookie}x-api-key: three\r\n")).await;
    assert_eq!(header.status, 401, "a wrong key in a header is not made good by a cookie");
    // Another process with the same key, and one with a key of its own.
    for (more, status) in [(&[("SESSION_KEY", KEY)][..], 200), (&[], 401)] {
        let other = Asking::start(more).await;
        assert_eq!(other.get("/api/stats", &cookie).await.status, status);
        other.server.stopped().await;
    }
    // A revoked key ends the session.
    std::fs::write(asking.folder.path().join("keys.json"), format!("[{TWO}]")).unwrap();
    eventually("the end of the session", async || asking.get("/api/stats", &cookie).await.status == 401).await;
    assert_eq!(asking.get("/", &cookie).await.header("location"), Some("./sign-in"));
    asking.server.stopped().await;
}

#[tokio::test]
async fn with_a_cookie_only_a_page_of_this_site_changes_anything() {
    let asking = Asking::start(&[("CORS_ORIGINS", "https://app.example")]).await;
    let cookie = asking.cookie().await;
    for (headers, is_own) in [
        ("sec-fetch-site: same-origin\r\n", true),
        ("origin: http://test\r\n", true),
        ("", false),
        ("sec-fetch-site: none\r\n", false),
        ("sec-fetch-site: same-site\r\n", false),
        ("sec-fetch-site: cross-site\r\n", false),
        ("origin: https://app.example\r\n", false),
        ("sec-fetch-site: same-site\r\norigin: https://app.example\r\n", false),
        ("origin: null\r\n", false),
    ] {
        let api = format!("{JSON}{headers}{cookie}");
        let form = format!("content-type: application/x-www-form-urlencoded\r\n{headers}{cookie}");
        for (path, headers, body, done) in [
            ("/api/submissions", &api, r#"{"content":"something 1"}"#, 202),
            ("/api/submissions/bulk", &api, r#"[{"content":"something 1"}]"#, 202),
            ("/api/submissions/retry?status=FAILED", &api, "", 200),
            ("/api/submissions/7/cancel", &api, "", 404),
            ("/", &form, "content=something+1", 303),
            ("/submissions/retry", &form, "status=FAILED", 303),
            ("/submissions/7/retry", &form, "", 404),
        ] {
            let answer = asking.server.post(path, headers, body).await;
            assert_eq!(answer.status, if is_own { done } else { 403 }, "{path} {headers}");
        }
    }
    assert_eq!(asking.get("/api/submissions", &format!("{cookie}origin: https://app.example\r\n")).await.status, 401);
    // A page that may send requests shows a key of its own.
    let headers = format!("{JSON}origin: https://app.example\r\n{cookie}x-api-key: one\r\n");
    asking.server.post("/api/submissions", &headers, r#"{"content":"something 1"}"#).await.json(202);
    asking.server.stopped().await;
}

#[tokio::test]
async fn nobody_signs_in_where_nobody_is_asked() {
    let server = Server::with_file(Roles::API, &[("SESSION_KEY", KEY)]).await;
    assert_eq!(server.get("/sign-in").await.status, 404);
    assert_eq!(server.post("/sign-in", FORM, "credential=one").await.status, 404);
    let page = server.get("/").await;
    assert!(page.status == 200 && !page.text().contains("Sign"), "{page:?}");
    server.stopped().await;
}
