//! What credentials cost a request: the check of an API key among a thousand.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use bench::Measure;
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use service::auth::Needs;
use service::{Access, AccessConfig, Readiness, Registry, access};
use sha2::{Digest, Sha256};

const KEYS: usize = 1_000;
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
}
