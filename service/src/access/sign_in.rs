//! Signing in: a credential is judged as in a header, and becomes a cookie.

use hyper::header::{HeaderMap, HeaderValue};

use super::session::{MAX_CREDENTIAL_BYTES, SignInError};
use super::{Access, Denied};
use crate::audit::Asked;
use crate::auth::{Caller, Denial, Needs, TokenError};
use crate::http::Route;

impl Access {
    /// Whether callers are asked who they are, and browsers can sign in.
    pub fn has_sign_in(&self) -> bool {
        !self.0.is_open() && self.0.sessions.is_some()
    }

    /// The cookie of somebody who shows this credential to sign in for this kind, by a request for this route.
    ///
    /// # Errors
    /// Why he cannot.
    pub async fn sign_in(
        &self,
        route: &Route,
        headers: &HeaderMap,
        caller: &Caller,
        kind: &'static str,
        credential: &[u8],
    ) -> Result<HeaderValue, SignInError> {
        let sessions = self.0.sessions.as_ref().ok_or(SignInError::Unavailable)?;
        if credential.len() > MAX_CREDENTIAL_BYTES {
            return Err(SignInError::TooLong);
        }
        let deny = |denial| Denied { denial, caller: Caller::open(caller.address()) };
        let mut found = match credential {
            [] => Err(Denial::NoCredential),
            credential => self.0.find(credential),
        };
        if let Err(denial @ Denial::Token(TokenError::UnknownKey)) = found
            && Box::pin(self.knows_by_now(&deny(denial))).await
        {
            found = self.0.find(credential);
        }
        let found = match found {
            Ok(known) if !known.identity.may_use(kind) => Err(Denial::Kind(kind)),
            found => found.map(drop),
        };
        if let Err(denial) = found {
            let asked = || Asked::new(&route.method, route.path, Needs::Kind(kind), headers);
            drop(self.denied(&deny(denial), None, asked));
            return Err(SignInError::Denied(denial));
        }
        sessions.signed_in(credential).ok_or(SignInError::Unavailable)
    }

    /// The cookie that ends a session.
    pub fn sign_out(&self) -> Option<HeaderValue> {
        self.0.sessions.as_ref()?.signed_out()
    }
}
