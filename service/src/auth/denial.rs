//! Why a request is not served, and the answer that says so, as RFC 6750 wants it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use crate::auth::credentials::Malformed;
use crate::auth::jwt::TokenError;
use crate::problem;
use crate::rate::Limited;

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It shows no credential.
    NoCredential,
    /// It shows several.
    Malformed(Malformed),
    /// The cookie of a browser that has signed in cannot be opened, or its time is over.
    Session,
    /// A cookie came with a change, and the request does not say that a page of this site sent it.
    CrossSite,
    /// Nobody has this key, or nobody has it any more.
    UnknownKey,
    /// The token is not valid.
    Token(TokenError),
    /// The caller may not use this kind of record.
    Kind(&'static str),
    /// The caller has used up its quota.
    Limited(Limited),
}

impl Denial {
    /// The names of all reasons, as metrics show them.
    pub const REASONS: [&str; 9] =
        ["no_credential", "malformed", "unknown_key", "token", "token_time", "kind", "session", "cross_site", "rate"];

    /// Its reason, one of [`Self::REASONS`].
    pub fn reason(&self) -> &'static str {
        match self {
            Denial::NoCredential => "no_credential",
            Denial::Malformed(_) => "malformed",
            Denial::UnknownKey => "unknown_key",
            Denial::Token(TokenError::Time) => "token_time",
            Denial::Token(_) => "token",
            Denial::Kind(_) => "kind",
            Denial::Session => "session",
            Denial::CrossSite => "cross_site",
            Denial::Limited(_) => "rate",
        }
    }

    /// The answer to the client. It shows nothing of what the client sent.
    pub fn response(&self) -> Response<Full<Bytes>> {
        let (status, challenge, detail) = match self {
            Denial::NoCredential => (
                StatusCode::UNAUTHORIZED,
                r#"Bearer realm="api""#,
                "send a key or token that this service knows, as `Authorization: Bearer KEY` or `X-API-Key: KEY`"
                    .to_owned(),
            ),
            Denial::Malformed(Malformed(why)) => {
                (StatusCode::BAD_REQUEST, r#"Bearer realm="api", error="invalid_request""#, (*why).to_owned())
            }
            Denial::UnknownKey => (
                StatusCode::UNAUTHORIZED,
                r#"Bearer realm="api", error="invalid_token""#,
                "this service does not know the key, or does not know it any more".to_owned(),
            ),
            Denial::Token(error) => (
                StatusCode::UNAUTHORIZED,
                r#"Bearer realm="api", error="invalid_token""#,
                match error {
                    TokenError::Malformed => "the token cannot be read, or is not signed by RS256, ES256 or EdDSA",
                    TokenError::UnknownKey => "the token names a key that its issuer does not have",
                    TokenError::Signature => "the token's signature is not that of its issuer",
                    TokenError::Time => "the token is over, or has not begun: get another one",
                    TokenError::Claims => "the token is of another issuer, for another audience, or names nobody",
                }
                .to_owned(),
            ),
            Denial::Kind(kind) => (
                StatusCode::FORBIDDEN,
                r#"Bearer realm="api", error="insufficient_scope""#,
                format!("with this credential you may not use the kind `{kind}`"),
            ),
            Denial::Session => (
                StatusCode::UNAUTHORIZED,
                r#"Bearer realm="api", error="invalid_token""#,
                "the session is over: sign in again".to_owned(),
            ),
            Denial::CrossSite => (
                StatusCode::FORBIDDEN,
                r#"Bearer realm="api""#,
                "with a cookie, only a page of this service may send this: open the page itself, or send a key or \
                 token in a header"
                    .to_owned(),
            ),
            Denial::Limited(limited) => return limited.response(),
        };
        let mut response = problem::response(status, &detail);
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_denial_has_its_status_its_challenge_and_its_reason() {
        let denials = [
            (Denial::NoCredential, 401, r#"Bearer realm="api""#),
            (Denial::Malformed(Malformed("two")), 400, r#"Bearer realm="api", error="invalid_request""#),
            (Denial::UnknownKey, 401, r#"Bearer realm="api", error="invalid_token""#),
            (Denial::Token(TokenError::Signature), 401, r#"Bearer realm="api", error="invalid_token""#),
            (Denial::Token(TokenError::Time), 401, r#"Bearer realm="api", error="invalid_token""#),
            (Denial::Kind("order"), 403, r#"Bearer realm="api", error="insufficient_scope""#),
            (Denial::Session, 401, r#"Bearer realm="api", error="invalid_token""#),
            (Denial::CrossSite, 403, r#"Bearer realm="api""#),
        ];
        for ((denial, status, challenge), reason) in denials.into_iter().zip(Denial::REASONS) {
            let response = denial.response();
            assert_eq!((response.status().as_u16(), denial.reason()), (status, reason));
            assert_eq!(response.headers()[WWW_AUTHENTICATE], challenge);
            assert_eq!(response.headers()["content-type"], "application/problem+json");
        }
    }
}
