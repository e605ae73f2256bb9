//! Pages of other sites.

use crate::world::{Keys, World, errors, get, post};

fn preflight(path: &str, origin: &str) -> String {
    format!(
        "OPTIONS {path} HTTP/1.1\r\nhost: test\r\norigin: {origin}\r\naccess-control-request-method: POST\r\n\
         access-control-request-headers: content-type,x-api-key\r\n\r\n"
    )
}

#[tokio::test]
async fn a_listed_site_is_let_in_and_no_other() {
    let keys = Keys::new(&[("shop", "one", "")]);
    let cors = [("CORS_ORIGINS", "https://a.example,https://b.example")];
    let world = World::start(&[&keys.settings()[..], &cors].concat()).await;
    let allowed = "access-control-allow-origin";
    for origin in ["https://a.example", "https://b.example"] {
        // A browser asks without a key.
        let answer = world.ask(&preflight("/post", origin)).await;
        assert_eq!((answer.status, answer.header(allowed)), (204, Some(origin)));
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
        assert!(answer.header("access-control-allow-headers").unwrap().contains("x-api-key"), "{answer:?}");
        for (key, status) in [("one", 200), ("two", 401)] {
            let request = post("/post", &format!("origin: {origin}\r\nx-api-key: {key}\r\n"), "body");
            let answer = world.ask(&request).await;
            assert_eq!(
                (answer.status, answer.header(allowed), answer.header("vary")),
                (status, Some(origin), Some("origin"))
            );
            assert!(answer.header("access-control-expose-headers").unwrap().contains("retry-after"), "{answer:?}");
            assert_eq!(answer.header("access-control-allow-credentials"), None);
        }
    }
    let answer = world.ask(&preflight("/post", "https://evil.example")).await;
    assert_eq!((answer.status, answer.header(allowed), answer.header("allow")), (405, None, Some("POST")));
    let answer = world.ask(&post("/post", "origin: https://evil.example\r\nx-api-key: one\r\n", "")).await;
    assert_eq!((answer.status, answer.header(allowed), answer.header("vary")), (200, None, Some("origin")));
    let answer = world.ask(&preflight("/nowhere", "https://a.example")).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn without_the_setting_no_page_reads_anything() {
    let world = World::start(&[]).await;
    let answer = world.ask(&preflight("/post", "https://a.example")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, None));
    let answer = world.ask(&get("/any", "origin: https://a.example\r\n")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin"), answer.header("vary")), (200, None, None));
    assert_eq!(errors(&[("CORS_ORIGINS", "a.example")]).len(), 1);
}

#[tokio::test]
async fn a_star_is_every_site() {
    let world = World::start(&[("CORS_ORIGINS", "*")]).await;
    let answer = world.ask(&post("/post", "origin: null\r\n", "")).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("*")));
}
