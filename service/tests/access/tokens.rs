//! Tokens of an issuer: which are taken, and where the issuer's keys come from.

use std::fs;

use serde_json::{Value, json};

use crate::issuer::{Issuer, Key, jwks, now, settings};
use crate::world::{Answer, Keys, World, errors, get, post};

async fn ask(world: &World, token: &str) -> Answer {
    world.ask(&post("/post", &format!("authorization: Bearer {token}\r\n"), "body")).await
}

/// A world that takes tokens signed by these keys, which are in a file.
async fn world_of(keys: &[&Key], more: &[(&str, &str)]) -> (World, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jwks.json");
    fs::write(&path, jwks(keys)).unwrap();
    let world = World::start(&[&settings(path.to_str().unwrap())[..], more].concat()).await;
    world.eventually(async || world.ask(&get("/readyz", "")).await.status == 200).await;
    (world, directory)
}

#[tokio::test]
async fn a_token_with_a_private_keys_signature_is_taken() {
    let keys = [Key::rsa("rsa"), Key::ec("ec"), Key::ed("ed")];
    let api_keys = Keys::new(&[("shop", "one", "")]);
    let (world, _directory) = world_of(&keys.each_ref(), &api_keys.settings()).await;
    for key in &keys {
        let token = key.token(&json!({}));
        for _ in 0..2 {
            let answer = ask(&world, &token).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "jwt:alice"));
        }
        let only = key.token(&json!({ "kinds": ["order"] }));
        assert_eq!(ask(&world, &only).await.status, 403);
        let answer = world.ask(&get("/any", &format!("x-api-key: {only}\r\n"))).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "jwt:alice"));
    }
    // Beside API keys.
    assert_eq!(ask(&world, "one").await.body, "shop");
    assert_eq!(ask(&world, "two").await.status, 401);
}

#[tokio::test]
async fn every_other_token_is_not() {
    let keys = [Key::rsa("rsa"), Key::ec("ec"), Key::ed("ed")];
    let (world, _directory) = world_of(&keys.each_ref(), &[]).await;
    let [rsa, ec, ed] = &keys;
    let claims = json!({ "iss": "https://issuer", "aud": "ingest", "sub": "alice", "exp": now() + 600 });
    let with = |header: Value| ec.token_with(&header, &claims);
    let mut tokens = vec![
        (ed.token(&json!({ "exp": now() - 3600 })), "is over"),
        (ed.token(&json!({ "nbf": now() + 3600 })), "has not begun"),
        (ed.token(&json!({ "iss": "https://other" })), "another issuer"),
        (ed.token(&json!({ "aud": "other" })), "another audience"),
        (ed.token(&json!({ "sub": Value::Null })), "names nobody"),
        (with(json!({ "alg": "none", "kid": "ec" })), "cannot be read"),
        // With the public key as the secret, anybody could sign.
        (with(json!({ "alg": "HS256", "kid": "shared" })), "cannot be read"),
        (with(json!({ "alg": "ES384", "kid": "ec" })), "cannot be read"),
        (with(json!({ "alg": "ES256", "kid": "ec", "crit": ["exp"] })), "cannot be read"),
        (with(json!({ "alg": "RS256", "kid": "ec" })), "names a key"),
        (with(json!({ "alg": "ES256", "kid": "other" })), "names a key"),
        (with(json!({ "alg": "RS256", "kid": "rsa" })), "signature"),
        (Key::ed("ed").token(&json!({})), "signature"),
        ("..".to_owned(), "cannot be read"),
        ("a.b.c".to_owned(), "cannot be read"),
    ];
    for key in [rsa, ec, ed] {
        let token = key.token(&json!({}));
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let other = key.token(&json!({ "sub": "bob" }));
        let other = other.split('.').nth(1).unwrap();
        tokens.push((format!("{header}.{other}.{signature}"), "signature"));
        tokens.push((format!("{header}.{payload}."), "signature"));
    }
    for (token, expected) in tokens {
        let answer = ask(&world, &token).await;
        assert!(answer.status == 401 && answer.body.contains(expected), "{expected}: {answer:?} for {token}");
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"));
    }
    // A token without the name of a key is tried with each key of its algorithm.
    assert_eq!(ask(&world, &with(json!({ "alg": "ES256" }))).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_issuer_may_change_its_keys_under_load() {
    let (old, new, issuer) = (Key::ed("old"), Key::ec("new"), Issuer::default());
    issuer.set(Some(jwks(&[&old])));
    let world = World::start(&settings(&issuer.serve().await)).await;
    world.eventually(async || world.ask(&get("/readyz", "")).await.status == 200).await;
    let send = async |key: &Key| {
        for number in 0..20 {
            let asked = (0..8).map(|client| {
                let token = key.token(&json!({ "sub": format!("{number}-{client}") }));
                let world = &world;
                async move { assert_eq!(ask(world, &token).await.status, 200) }
            });
            futures_util::future::join_all(asked).await;
        }
    };
    send(&old).await;
    issuer.set(Some(jwks(&[&new, &old])));
    tokio::join!(send(&old), send(&new));
    assert_eq!(issuer.asked(), 2, "once at the start, and once for all tokens with the new key");
}

#[tokio::test]
async fn tokens_of_unknown_keys_make_nobody_ask_again_and_again() {
    let (key, other, issuer) = (Key::ed("key"), Key::ed("other"), Issuer::default());
    issuer.set(Some(jwks(&[&key])));
    let world = World::start(&settings(&issuer.serve().await)).await;
    world.eventually(async || world.ask(&get("/readyz", "")).await.status == 200).await;
    let asked = (0..30).map(|number| {
        let (token, world) = (other.token(&json!({ "sub": number.to_string() })), &world);
        async move { assert_eq!(ask(world, &token).await.status, 401) }
    });
    futures_util::future::join_all(asked).await;
    assert_eq!(issuer.asked(), 2);
    assert_eq!(ask(&world, &key.token(&json!({}))).await.status, 200);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_named_and_its_keys_are_kept() {
    let (key, other, issuer) = (Key::ed("key"), Key::ed("other"), Issuer::default());
    let world = World::start(&settings(&issuer.serve().await)).await;
    world.eventually(async || issuer.asked() > 0).await;
    let ready = world.ask(&get("/readyz", "")).await;
    assert!(ready.status == 503 && ready.body.contains("JWT keys: "), "{ready:?}");
    assert_eq!(ask(&world, &key.token(&json!({}))).await.status, 401);
    issuer.set(Some(jwks(&[&key])));
    world.eventually(async || world.ask(&get("/readyz", "")).await.status == 200).await;
    assert_eq!(ask(&world, &key.token(&json!({}))).await.status, 200);
    issuer.set(Some(r#"{"keys":[]}"#.to_owned()));
    assert_eq!(ask(&world, &other.token(&json!({}))).await.status, 401);
    assert_eq!(ask(&world, &key.token(&json!({ "sub": "bob" }))).await.body, "jwt:bob");
}

#[tokio::test]
async fn a_key_that_is_taken_out_of_the_file_is_not_valid_any_more() {
    let (key, other) = (Key::ed("key"), Key::ec("other"));
    let (world, directory) = world_of(&[&key], &[]).await;
    let token = key.token(&json!({}));
    assert_eq!(ask(&world, &token).await.status, 200);
    fs::write(directory.path().join("jwks.json"), jwks(&[&other])).unwrap();
    world.eventually(async || ask(&world, &token).await.status == 401).await;
    assert_eq!(ask(&world, &other.token(&json!({}))).await.status, 200);
}

#[tokio::test]
async fn an_https_url_is_verified_with_the_given_authorities() {
    let (key, issuer, directory) = (Key::ed("key"), Issuer::default(), tempfile::tempdir().unwrap());
    issuer.set(Some(jwks(&[&key])));
    let (url, certificate) = issuer.serve_tls(&directory).await;
    let trusted = [&settings(&url)[..], &[("JWT_JWKS_CA", certificate.to_str().unwrap())]].concat();
    let world = World::start(&trusted).await;
    world.eventually(async || world.ask(&get("/readyz", "")).await.status == 200).await;
    assert_eq!(ask(&world, &key.token(&json!({}))).await.status, 200);
    let other = tempfile::tempdir().unwrap();
    let (_, of_other) = Issuer::default().serve_tls(&other).await;
    let world = World::start(&[&settings(&url)[..], &[("JWT_JWKS_CA", of_other.to_str().unwrap())]].concat()).await;
    world.eventually(async || world.ask(&get("/readyz", "")).await.body.contains("TLS failed")).await;
}

#[tokio::test]
async fn what_belongs_together_is_set_together() {
    assert_eq!(
        errors(&[("JWT_JWKS", "/keys.json")]),
        ["JWT_ISSUER: must be set where JWT_JWKS is", "JWT_AUDIENCE: must be set where JWT_JWKS is"]
    );
    // Without the keys nobody would be asked for a token.
    for name in ["JWT_ISSUER", "JWT_AUDIENCE", "JWT_JWKS_CA"] {
        let error = format!("{name}: needs JWT_JWKS, without which nobody is asked for a token");
        assert_eq!(errors(&[(name, "https://issuer")]), [error]);
    }
    assert!(errors(&[("JWT_JWKS", "ftp://issuer")])[0].starts_with("JWT_JWKS: must be a file, or a URL"));
}
