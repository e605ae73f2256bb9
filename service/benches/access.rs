//! What credentials cost a request: the check of an API key among a thousand, and of a token with a signature by RS256.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use bench::Measure;
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use service::auth::{Expected, JwtConfig, KeySet, Needs, Source, Token};
use service::{Access, AccessConfig, Readiness, Registry, access};
use sha2::{Digest, Sha256};

const KEYS: usize = 1_000;

/// The modulus of an issuer's key of 2,048 bits, and a token of that issuer, which is valid until 2100.
const MODULUS: &str = "\
    1b5A0tV3dYZVNYMa9dsotc1WRFlIo3LZRGcrZbKJ07rD9wQuBi9E7bHUOA10yD6BUfPFeMRFMLFPX060LwxXGkA6Sjz3d9yax8CN\
    tWqo-mdPux8SSmq4txVDp0QSUFYR76iNgiaS2lgVRkk1jYoJaR857p-lhrHJDBAGLGKrNpJbs2VhU9fUGxx6TN8iRMO2JrWI3NuL\
    snvDUQynIgh-_YbsxouxfAkNurxVp0La25wr1NXtczDI_okMRaqOuB_v6-2TItnt2J73oZjKnffFFpMRQOnmYm4ghO6HI6dFxOB3\
    aYezZ9EMRWsZ5bVJuGzH6hGji6Ynfd0eSpdHLoczyQ";
const TOKEN: &str = "\
    eyJhbGciOiJSUzI1NiIsImtpZCI6ImsiLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiYXVkI\
    joiYXBpIiwic3ViIjoic2hvcCIsImV4cCI6NDEwMjQ0NDgwMH0.NYiwFY7hOdAQ6ukxkbJNAmTnGqPNRob7j9B-GpYJiDbdaV6Qg\
    bacf_fkrKL05ORwEhEI3mDuRFc4mDUTQ73dD1lXnzgcVbu9nZMZaN6xwEXMqKIo6YHBAP26KaoME0Xq-W_BbrRo6cyxhew4O-eI5\
    1i4ntccVXAdMG26Ae9ntQB2E7xr-HEETmwr5MmTqrMH1gVPe_GcOt7iqJqXcXBO_w61npXUdl6jSCP91ChnBFGBHYrrP_X3qAiFf\
    nQnqoa_yjQHOfBRTb5VtdQe2Ta67PxJinFSXzsq1hgBnxou-6S_6yaBq_y4jjC6tL_Bq4zwOJKDhi0bDTvnYAg6pva1KA";

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn key(number: usize) -> String {
    format!("sk_{number:043}")
}

fn main() {
    let mut file = "[".to_owned();
    for number in 0..KEYS {
        let hash = Sha256::digest(key(number)).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes everything");
            text
        });
        let comma = if number == 0 { "" } else { "," };
        write!(file, r#"{comma}{{"name":"caller-{number}","hash":"sha256:{hash}","kinds":["post","order"]}}"#)
            .expect("a String takes everything");
    }
    let directory = tempfile::tempdir().expect("a directory for the keys");
    let path = directory.path().join("keys.json");
    std::fs::write(&path, file + "]").expect("the keys are written");
    let start = |rate: Option<&str>| {
        let rate = rate.and_then(|rate| rate.parse().ok());
        let config = AccessConfig { keys: Some(path.clone()), rate, ..AccessConfig::default() };
        let registry = Registry::new(&[service::METRICS, access::METRICS]);
        let access = Access::start(&config, vec!["post", "order"], &registry, &Readiness::new(&[]));
        access.expect("the keys are valid").expect("there are keys")
    };
    let (access, limited) = (start(None), start(Some("1000000/s")));
    let headers = |key: &str| {
        let value = HeaderValue::from_str(&format!("Bearer {key}")).expect("a key is text");
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    };
    // Each in turn, so that none uses up its quota.
    let known: Vec<HeaderMap> = (0..KEYS).map(|number| headers(&key(number))).collect();
    let (unknown, mut turn) = (headers("sk_unknown"), 0);
    let mut next = || {
        turn += 1;
        &known[turn % KEYS]
    };

    let measure = Measure::from_arguments();
    let needs = Needs::Kind("order");
    measure.core("key/known", &mut next, |headers| access.check(needs, &Method::GET, headers, ADDRESS));
    measure.core("key/unknown", || &unknown, |headers| access.check(needs, &Method::GET, headers, ADDRESS));
    measure.core("key/known, with a rate", &mut next, |headers| limited.check(needs, &Method::GET, headers, ADDRESS));

    let jwks = format!(r#"{{"keys":[{{"kty":"RSA","kid":"k","alg":"RS256","n":"{MODULUS}","e":"AQAB"}}]}}"#);
    let key_set = KeySet::parse(jwks.as_bytes()).expect("it is a JWKS");
    let first_seen = |token: &[u8]| Token::parse(token).is_ok_and(|token| token.verify(&key_set).is_ok());
    assert!(first_seen(TOKEN.as_bytes()), "the signature is right");
    measure.core("token/first seen, RS256", || TOKEN.as_bytes(), |token| first_seen(token));
    let with_tokens = taking_tokens(&directory.path().join("jwks.json"), &jwks);
    let token = headers(TOKEN);
    assert!(with_tokens.check(needs, &Method::GET, &token, ADDRESS).is_ok(), "the token is valid");
    measure.core("token/remembered", || &token, |headers| with_tokens.check(needs, &Method::GET, headers, ADDRESS));
}

/// What takes the tokens of an issuer, whose keys it has read.
fn taking_tokens(path: &Path, jwks: &str) -> Access {
    std::fs::write(path, jwks).expect("the issuer's keys are written");
    let source = Source::parse(path.to_str().expect("the path is text")).expect("it is a file");
    let expected = Expected { issuer: "https://issuer.example".to_owned(), audience: "api".to_owned() };
    let config = AccessConfig { tokens: Some(JwtConfig { expected, source }), ..AccessConfig::default() };
    let registry = Registry::new(&[service::METRICS, access::METRICS]);
    let access = Access::start(&config, vec!["post", "order"], &registry, &Readiness::new(&[]));
    let access = access.expect("nothing is needed at the start").expect("tokens are taken");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there is a runtime");
    // It never ends by itself.
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_millis(500), access::upkeep(Some(&access))).await.ok();
    });
    access
}
