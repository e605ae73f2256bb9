//! The public keys of an issuer.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// The most keys of an issuer.
const MOST_KEYS: usize = 64;

/// How a token is signed. There is no word for `none`, nor for HMAC: with one of these, anybody who knows the public
/// key could sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(in crate::auth) enum Algorithm {
    /// RSA with PKCS #1 1.5 and SHA-256.
    RS256,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

/// The keys of an issuer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KeySet(Vec<Key>);

/// A key.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::auth) struct Key {
    name: Option<String>,
    value: Value,
}

#[derive(Debug, PartialEq, Eq)]
enum Value {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed: 4, x, y.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Written {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The keys in a JWKS that can be used here; others are left out, as RFC 7517 wants it.
    ///
    /// # Errors
    /// When it is not a JWKS, or has no usable key: then it is most likely not the issuer's.
    pub fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let written: Written = serde_json::from_slice(bytes).ok().context("the keys of tokens are not a JWKS")?;
        let read = |key| serde_json::from_value(key).ok().and_then(Key::read);
        let keys: Vec<Key> = written.keys.into_iter().filter_map(read).take(MOST_KEYS).collect();
        anyhow::ensure!(!keys.is_empty(), "the JWKS has no key for RS256, ES256 or EdDSA");
        Ok(Self(keys))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys of this name for this algorithm; without a name, all for this algorithm.
    pub(in crate::auth) fn find(&self, algorithm: Algorithm, name: Option<&str>) -> impl Iterator<Item = &Key> {
        let is_named = move |key: &&Key| name.is_none() || key.name.as_deref() == name;
        self.0.iter().filter(move |key| key.algorithm() == algorithm).filter(is_named)
    }
}

impl Key {
    fn read(written: WrittenKey) -> Option<Self> {
        let WrittenKey { kty, kid, used_for, alg, crv, n, e, x, y } = written;
        let decode = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let of_length = |text, length| decode(text).filter(|bytes| bytes.len() == length);
        let (value, algorithm) = match (kty.as_str(), crv.as_deref()) {
            ("RSA", _) => (Value::Rsa { n: decode(n)?, e: decode(e)? }, "RS256"),
            ("EC", Some("P-256")) => {
                (Value::P256([&[4][..], &of_length(x, 32)?, &of_length(y, 32)?].concat()), "ES256")
            }
            ("OKP", Some("Ed25519")) => (Value::Ed25519(of_length(x, 32)?), "EdDSA"),
            _ => return None,
        };
        let is_for_this = used_for.is_none_or(|used| used == "sig") && alg.is_none_or(|alg| alg == algorithm);
        is_for_this.then_some(Self { name: kid, value })
    }

    fn algorithm(&self) -> Algorithm {
        match self.value {
            Value::Rsa { .. } => Algorithm::RS256,
            Value::P256(_) => Algorithm::ES256,
            Value::Ed25519(_) => Algorithm::EdDSA,
        }
    }

    /// Whether this is its signature.
    pub(in crate::auth) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.value {
            Value::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            Value::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature),
            Value::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
        };
        verified.is_ok()
    }
}
