//! A token's parts and its signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::auth::jwt::jwks::{Algorithm, KeySet};

/// The longest token, in bytes: what a head has room for.
const MOST_BYTES: usize = 12 * 1024;

/// Why a token is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// It is not a signed token as this service takes it.
    Malformed,
    /// None of the issuer's keys that are known has the name that it gives.
    UnknownKey,
    /// The signature is not that of the issuer.
    Signature,
    /// It is over, or has not begun.
    Time,
    /// It is of another issuer, or for another audience, or names nobody.
    Claims,
}

/// A token that has been taken apart, and not verified.
#[derive(Debug)]
pub struct Token<'t> {
    algorithm: Algorithm,
    key: Option<String>,
    payload: Vec<u8>,
    /// What is signed: header and payload as they are written.
    signed: &'t [u8],
    signature: Vec<u8>,
}

/// What counts of a header. Members that are not known are allowed, except critical ones.
#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

impl<'t> Token<'t> {
    /// The parts of a token.
    ///
    /// # Errors
    /// When these bytes are not a token that can be verified. `none` and signatures by a shared secret cannot.
    pub fn parse(token: &'t [u8]) -> Result<Self, TokenError> {
        let end = token.iter().rposition(|byte| *byte == b'.').filter(|_| token.len() <= MOST_BYTES);
        let (signed, signature) = token.split_at(end.ok_or(TokenError::Malformed)?);
        let middle = signed.iter().position(|byte| *byte == b'.').ok_or(TokenError::Malformed)?;
        let decode = |text: &[u8]| URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Malformed);
        let (header, payload) = (decode(&signed[..middle])?, decode(&signed[middle + 1..])?);
        let header: Header = serde_json::from_slice(&header).map_err(|_| TokenError::Malformed)?;
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        Ok(Self { algorithm: header.alg, key: header.kid, payload, signed, signature: decode(&signature[1..])? })
    }

    /// Whether the signature is that of one of these keys: of the one that it names, or of any if it names none.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, keys: &KeySet) -> Result<(), TokenError> {
        let mut candidates = keys.find(self.algorithm, self.key.as_deref()).peekable();
        if candidates.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        let is_signed = candidates.any(|key| key.verifies(self.signed, &self.signature));
        if is_signed { Ok(()) } else { Err(TokenError::Signature) }
    }

    /// Its claims as JSON.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}
