//! What a token says. Its signature has been verified before.

use serde::Deserialize;

use crate::auth::caller::Identity;
use crate::auth::jwt::token::TokenError;

/// How far the clocks of the issuer and of this machine may differ, in seconds.
const LEEWAY: u64 = 30;

/// What the names of callers with tokens begin with: the name of a key has no colon, so none is that of a token.
const PREFIX: &str = "jwt:";

/// The longest name of a token's subject, in bytes.
const SUBJECT_MAX_BYTES: usize = 255;

/// What the tokens of callers must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The issuer.
    pub issuer: String,
    /// The audience, which is this service.
    pub audience: String,
}

/// What a token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) identity: Identity,
    /// Times in seconds since 1970.
    pub(super) not_before: u64,
    pub(super) expires: u64,
}

#[derive(Deserialize)]
struct Written {
    iss: String,
    aud: OneOrMore,
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    scope: Option<String>,
    kinds: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Claims {
    /// The claims of a token that is meant for this service.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn read(payload: &[u8], expected: &Expected) -> Result<Self, TokenError> {
        let written: Written = serde_json::from_slice(payload).map_err(|_| TokenError::Claims)?;
        let is_for_us = match &written.aud {
            OneOrMore::One(audience) => *audience == expected.audience,
            OneOrMore::More(audiences) => audiences.contains(&expected.audience),
        };
        let is_named = (1..=SUBJECT_MAX_BYTES).contains(&written.sub.len())
            && written.sub.bytes().all(|byte| byte.is_ascii_graphic());
        if written.iss != expected.issuer || !is_for_us || !is_named {
            return Err(TokenError::Claims);
        }
        let scopes = written.scope.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
        let name = format!("{PREFIX}{}", written.sub);
        let identity = Identity { name, kinds: written.kinds, scopes, rate: None };
        // What is not a time is over: `as` makes 0 of it. What has begun in the past has begun.
        Ok(Self { identity, not_before: written.nbf.unwrap_or(0.0).ceil() as u64, expires: written.exp as u64 })
    }
}

/// Whether a token is valid at this time.
///
/// # Errors
/// When it is not.
pub(super) fn check_time(not_before: u64, expires: u64, now: u64) -> Result<(), TokenError> {
    let is_valid = not_before <= now.saturating_add(LEEWAY) && now < expires.saturating_add(LEEWAY);
    if is_valid { Ok(()) } else { Err(TokenError::Time) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &str) -> Result<Claims, TokenError> {
        let expected = Expected { issuer: "https://issuer".to_owned(), audience: "ingest".to_owned() };
        Claims::read(payload.as_bytes(), &expected)
    }

    #[test]
    fn a_token_names_its_caller_and_what_he_may_do() {
        let payload = r#"{"iss":"https://issuer","aud":["other","ingest"],"sub":"shop|7","exp":1795896900.5,"nbf":5,
            "scope":"read admin","kinds":["post"],"more":{}}"#;
        let Claims { identity, not_before, expires } = read(payload).unwrap();
        assert_eq!((identity.name.as_str(), not_before, expires), ("jwt:shop|7", 5, 1_795_896_900));
        assert_eq!((identity.scopes.len(), identity.may_use("order")), (2, false));
        let all = read(r#"{"iss":"https://issuer","aud":"ingest","sub":"a","exp":1}"#).unwrap().identity;
        assert!(all.may_use("order") && all.scopes.is_empty());
    }

    #[test]
    fn a_token_for_somebody_else_is_none() {
        for payload in [
            "",
            "{}",
            r#"{"iss":"https://issuer/","aud":"ingest","sub":"a","exp":1}"#,
            r#"{"iss":"https://issuer","aud":"other","sub":"a","exp":1}"#,
            r#"{"iss":"https://issuer","aud":[],"sub":"a","exp":1}"#,
            r#"{"iss":"https://issuer","aud":"ingest","sub":"","exp":1}"#,
            r#"{"iss":"https://issuer","aud":"ingest","sub":"a b","exp":1}"#,
            r#"{"iss":"https://issuer","aud":"ingest","exp":1}"#,
            r#"{"iss":"https://issuer","aud":"ingest","sub":"a"}"#,
            r#"{"iss":"https://issuer","aud":"ingest","sub":"a","exp":"1"}"#,
            r#"{"iss":"https://issuer","aud":"ingest","sub":"a","exp":1,"kinds":"post"}"#,
        ] {
            assert_eq!(read(payload), Err(TokenError::Claims), "{payload}");
        }
    }

    #[test]
    fn a_token_has_a_beginning_and_an_end() {
        for (not_before, expires, now, is_valid) in [
            (0, 1_000, 999, true),
            (0, 1_000, 1_029, true),
            (0, 1_000, 1_030, false),
            (1_000, 2_000, 970, true),
            (1_000, 2_000, 969, false),
            (0, 0, 1_000, false),
            (0, u64::MAX, 1_000, true),
        ] {
            assert_eq!(check_time(not_before, expires, now).is_ok(), is_valid, "{not_before} {expires} {now}");
        }
    }
}
