//! What a request says of its caller, and the files that decide: headers, cookies, the file of API keys, tokens and the
//! keys of their issuer. Whatever comes, nothing panics, and nobody is let in whose key is not in the file.

#![no_main]

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use service::access::Origins;
use service::auth::{KeySet, SessionKey, Token, credential, parse};
use service::rate::Rate;

/// The file of keys of a caller whose key no input has: it is random.
const FILE: &str = r#"[{"name":"a","hash":"sha256:0f8e4d1a7c6b5a49382716050f4e3d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2"}]"#;

/// The public keys of an issuer.
const KEYS: &str = r#"{"keys":[
    {"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    {"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
     "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    match first % 5 {
        0 => {
            headers(rest);
            session(rest);
        }
        1 => {
            // Its errors are lines without what is in them.
            if let Err(errors) = parse(rest) {
                assert!(!errors.is_empty() && errors.iter().all(|error| !error.contains('\n')), "{errors:?}");
            }
        }
        2 => {
            let keys = KeySet::parse(KEYS.as_bytes()).expect("it is a JWKS");
            if let Ok(token) = Token::parse(rest) {
                assert!(token.verify(&keys).is_err(), "nobody has these private keys");
            }
        }
        3 => {
            if let Ok(keys) = KeySet::parse(rest) {
                assert!(!keys.is_empty());
            }
        }
        _ => settings(rest),
    }
});

/// The headers are lines: `A:` is an Authorization, anything else an X-API-Key.
fn headers(lines: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n') {
        let (name, value) = match line.strip_prefix(b"A:") {
            Some(value) => (AUTHORIZATION, value),
            None => (HeaderName::from_static("x-api-key"), line),
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    let table = parse(FILE.as_bytes()).expect("it is a file of keys");
    if let Ok(Some(credential)) = credential(&headers) {
        assert!(headers.len() == 1 || headers.contains_key(AUTHORIZATION), "there is no choice between two");
        assert!(table.find(credential.bytes()).is_none(), "nobody has this key");
    }
}

/// A cookie that nobody has sealed with this key, and the key itself as a setting.
fn session(cookie: &[u8]) {
    let key = SessionKey::parse(&"1f".repeat(32)).expect("it is a key");
    assert!(key.open(cookie, 0).is_none(), "nobody has this key");
    if let Some(key) = std::str::from_utf8(cookie).ok().and_then(SessionKey::parse) {
        let sealed = key.seal(cookie, 1).expect("there are random numbers");
        assert_eq!(key.open(sealed.as_bytes(), 0).as_deref(), Some(cookie));
    }
}

fn settings(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(rate) = text.parse::<Rate>() {
        assert_eq!(rate.to_string().parse::<Rate>(), Ok(rate));
    }
    _ = Origins::parse(text);
}
