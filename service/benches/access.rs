//! What credentials cost a request: the check of an API key among a thousand.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use bench::Measure;
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
    let config = AccessConfig { keys: Some(path) };
    let registry = Registry::new(&[service::METRICS, access::METRICS]);
    let access = Access::start(&config, &registry, &Readiness::new(&[])).expect("the keys are valid");
    let access = access.expect("there are keys");
    let headers = |key: &str| {
        let value = HeaderValue::from_str(&format!("Bearer {key}")).expect("a key is text");
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    };
    let (known, unknown) = (headers(&key(7)), headers("sk_unknown"));

    let measure = Measure::from_arguments();
    measure.core("access_known_key", || (), |()| access.check(Needs::Kind("order"), &known, ADDRESS));
    measure.core("access_unknown_key", || (), |()| access.check(Needs::Kind("order"), &unknown, ADDRESS));
}
