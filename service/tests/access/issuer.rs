//! An issuer of tokens: its keys, its JWKS in a file or served, and tokens of any sort.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A private key for tests alone: ring makes none of RSA.
const RSA: &str = "\
    MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDSlZ7ABGSwlDgoPyK2yVMnTTxTwO4AyPWX/eu1/TOVBnXMg4GD\
    op/rdyw3uhcr0nXyno0Ll0ca2Qf1EKssK/0T78wqw1sdJ3tmaoYWVBnZuRgPKJlyajRdF59JWjRbsYuHtiBlvTPN283Fm+YkJSHt\
    eCybiNaXtuW1w7kmBsLUUwbvm4ZKM1iVKEcf35XnXt1Vugt/SWaVYHlL2tGMq8C/rwkwYtpBHAbSMYfFjo0fv8hha/BID0xhIefB\
    IfmiQkYOhCfGhsEMJkaGcLcTrKU6RN/LaNm7Na45zAIYa8xKpVlNe5heoZr5YgnIjoSSYPkWrPkQPF4AqHwL1UaNyAkVAgMBAAEC\
    ggEAB4HlhQoduSzY5q2/iVLal86urVFgusmZ9ddL2V2uQoHBM9oRWosdlpRVpiPzJ7ELBZaw8mjsKZvIp0GMSgNvHuWVkAW4axeT\
    /uX3zfZ6wx1l60PC2rEeGPPauM+niQhRRYnmPvJJ6pd2Ocqxyk1CQngeZlTFymavFaCQFSK4Zz+A8eHa5ogZpugz/kZcfgdY16da\
    DJXXD48xtuXHurj5HwMHEMUo7aWXVqeo8UjxeIYPuKViD7pPA95uM5znMJJcii3dx8rZfK2uhoUb+oboJbdPRc7j+d9sTYJYHBcy\
    CipU0Pswr4QUQqB+IByFN2XsovDDOubwu8hkCOlYsq0MUQKBgQDwF7eXnvozlyKHjzDqM1qr9gu5Wb8WseUpQuqls28jQ3mZ2udr\
    +hhwb3S/+VW5HpB0SNlsNzvI/ZSmTdsk0oSS3aU8sPHMSfCGrwbM3/P+NZOMQB+X7SqmVT2gZF0uaKIYRIlnGnc3DUQqsiAkfunR\
    PieNCpcq4EdLYEvdNeQMsQKBgQDgiWfeX6geR8T8Qow8k0N5aA9b5WZEFZmdeOQyL19rram+Ww38UaPe938XXpeKjRCooi4gozUA\
    4/If+y+pJEStaBqlsO/p74HxFs/znC5UR6dK92wpCmr1PKShJrcs1N6PNLfmxeBBKo1+vxHtODg/9O3SsFqrIFRanHc4WFRLpQKB\
    gH19+BFBIEf89Chk2M1hQEBnn6Mm3LFxFHWnq1wm2K1W5GVdvN58X2/NYfnBymOzLRAKz9I3YIFiweLXCPdLLc5SGb8KQahk8VqE\
    e4p0eGTj/hYtohXX+hXssgR20RmjyS3kDOmeNLfKsFmctx48U9xxn1yiL3dSuREV6TFbrLJRAoGAeYcFN9+QL6tqm5otKtAN0hUX\
    UwarPihut0NqRxtKyw34dHX18N4DErfkCrMA1FWbcZot2y5ajrvRHawnVKWzoiNZYNqOT5B5RRKyxMiAbs9FZZba7K+dylPjSvGY\
    bORd/SZsbrQkt0Cfyr0Bp+Io17zqR4F54WsjHNPY1x8/qJ0CgYA8sjaPiUa/3KZoL8weeNlKUVkV6R/MgSctbt+ysl05w//4btLv\
    o0lUQQwOn8YGQ2dJ+XnOCSdm+l7PXDhvJW7L4Z0JlvmLasECOwoz82R6QistCRNgrXLcrnMKh2gkqubWThzQk2H5wwevCW1PyjeO\
    Vj2YDCIn0ZMA3x+twsXL5w==\
";

/// A key of an issuer.
pub(crate) struct Key {
    name: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    pub(crate) fn rsa(name: &'static str) -> Self {
        Self { name, pair: Pair::Rsa(RsaKeyPair::from_pkcs8(&STANDARD.decode(RSA).unwrap()).unwrap()) }
    }

    pub(crate) fn ec(name: &'static str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self { name, pair: Pair::Ec(EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap()) }
    }

    pub(crate) fn ed(name: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { name, pair: Pair::Ed(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()) }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public half as an entry of a JWKS.
    fn public(&self) -> Value {
        let (kid, alg) = (self.name, self.algorithm());
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                let n = encode(&public.n);
                let e = encode(&public.e);
                json!({ "kty": "RSA", "kid": kid, "alg": alg, "use": "sig", "n": n, "e": e })
            }
            Pair::Ec(pair) => {
                let point = &pair.public_key().as_ref()[1..];
                json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": encode(&point[..32]), "y": encode(&point[32..]) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(pair.public_key()) })
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with this header and these claims.
    pub(crate) fn token_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = encode(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A valid token with these claims in place of its own.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let mut all = json!({ "iss": "https://issuer", "aud": "ingest", "sub": "alice", "exp": now() + 600 });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        self.token_with(&json!({ "alg": self.algorithm(), "kid": self.name, "typ": "JWT" }), &all)
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn jwks(keys: &[&Key]) -> String {
    // What this service cannot use is left out, and nobody stumbles over it.
    let others = [json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "shared" }), json!({ "kty": 7 }), json!("odd")];
    json!({ "keys": keys.iter().map(|key| key.public()).chain(others).collect::<Vec<_>>() }).to_string()
}

/// The settings of tokens whose keys are there.
pub(crate) fn settings(source: &str) -> [(&'static str, &'static str); 3] {
    let source: &'static str = source.to_owned().leak();
    [("JWT_JWKS", source), ("JWT_ISSUER", "https://issuer"), ("JWT_AUDIENCE", "ingest")]
}

/// A server of a JWKS. While it has none, it closes each connection.
#[derive(Clone, Default)]
pub(crate) struct Issuer {
    jwks: Arc<Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) fn set(&self, jwks: Option<String>) {
        *self.jwks.lock().unwrap() = jwks;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Serves it; returns its URL.
    pub(crate) async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (issuer, address) = (self.clone(), listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                issuer.answer(stream).await;
            }
        });
        format!("http://{address}/keys")
    }

    /// The same by TLS, with a certificate of its own for localhost, which is in this file.
    pub(crate) async fn serve_tls(&self, directory: &TempDir) -> (String, PathBuf) {
        let (certificate, key) = (directory.path().join("certificate.pem"), directory.path().join("key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output()
            .expect("there is no openssl on this machine: install it");
        assert!(made.status.success(), "{made:?}");
        let chain = vec![CertificateDer::from_pem_file(&certificate).unwrap()];
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let (issuer, port) = (self.clone(), listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    issuer.answer(stream).await;
                }
            }
        });
        (format!("https://localhost:{port}/keys"), certificate)
    }

    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok_and(|read| read > 0) {}
        assert!(head.starts_with(b"GET /keys HTTP/1.1\r\n"), "{}", String::from_utf8_lossy(&head));
        let jwks = self.jwks.lock().unwrap().clone();
        if let Some(jwks) = jwks {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", jwks.len());
            stream.write_all((head + &jwks).as_bytes()).await.unwrap();
            stream.shutdown().await.ok();
        }
    }
}
