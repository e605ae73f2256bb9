//! A cookie stands for the credential with which somebody has signed in, as long as that is good.

use std::fs;

use serde_json::json;

use crate::issuer::{Key, jwks, now, settings};
use crate::world::{Answer, Keys, World, get, post};

/// What follows `cookie:` after signing in with this credential.
async fn cookie(world: &World, credential: &str) -> String {
    let answer = world.ask(&post("/sign-in", "", credential)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "signed in"));
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(!cookie.contains(credential));
    format!("cookie: {cookie}\r\n")
}

async fn refused(world: &World, credential: &str) -> String {
    let Answer { status: 401, body, .. } = world.ask(&post("/sign-in", "", credential)).await else {
        panic!("somebody is signed in")
    };
    body
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let (old, new) = (Key::ec("old"), Key::ed("new"));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    fs::write(&path, jwks(&[&old])).unwrap();
    let world = World::start(&settings(path.to_str().unwrap())).await;
    world.eventually(async || world.ask(&get("/readyz", "")).await.status == 200).await;
    // It is over, but clocks may differ by 30 s: three are left.
    let short = cookie(&world, &old.token(&json!({ "exp": now() - 27 }))).await;
    let any = async |cookie: &str| world.ask(&get("/any", cookie)).await;
    assert_eq!(any(&short).await.body, "jwt:alice");
    for (token, error) in [
        (old.token(&json!({ "exp": now() - 60 })), "Denied(Token(Time))"),
        (old.token(&json!({ "aud": "other" })), "Denied(Token(Claims))"),
        (old.token(&json!({ "kinds": ["order"] })), "Denied(Kind(\"post\"))"),
        (old.token(&json!({ "padding": "p".repeat(3_000) })), "TooLong"),
        (new.token(&json!({})), "Denied(Token(UnknownKey))"),
    ] {
        assert_eq!(refused(&world, &token).await, error);
    }
    // A token of a new key makes the keys read again, as in a header.
    fs::write(&path, jwks(&[&old, &new])).unwrap();
    let long = cookie(&world, &new.token(&json!({}))).await;
    assert_eq!(any(&long).await.body, "jwt:alice");
    world.eventually(async || any(&short).await.status == 401).await;
    assert!(any(&short).await.body.contains("the token is over"));
    assert_eq!(any(&long).await.status, 200);
}

#[tokio::test]
async fn a_session_is_in_the_audit_log_like_its_key_and_no_secret_is() {
    let keys = Keys::new(&[("shop", "sk_the_key_of_the_shop", "")]);
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("audit.log");
    let audit = [("AUDIT_LOG", log.to_str().unwrap())];
    let world = World::start(&[&keys.settings()[..], &audit].concat()).await;
    let session = cookie(&world, "sk_the_key_of_the_shop").await;
    assert_eq!(refused(&world, "sk_of_nobody").await, "Denied(UnknownKey)");
    let own = format!("{session}sec-fetch-site: same-origin\r\n");
    for (headers, status) in [(&own, 200), (&session, 403)] {
        assert_eq!(world.ask(&post("/post", headers, "body")).await.status, status);
    }
    let shown = || {
        let text = fs::read_to_string(&log).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| json!([line["caller"], line["route"], line["denied"]])).collect::<Vec<_>>()
    };
    world.eventually(async || shown().len() == 3).await;
    let mut lines = shown();
    lines.sort_by_key(ToString::to_string);
    let expected = [
        json!(["shop", "/post", null]),
        json!([null, "/post", "cross_site"]),
        json!([null, "/sign-in", "unknown_key"]),
    ];
    assert_eq!(lines, expected);
    let text = fs::read_to_string(&log).unwrap();
    assert!(!text.contains("sk_") && !text.contains(session.trim_end().rsplit('=').next().unwrap()), "{text}");
}
