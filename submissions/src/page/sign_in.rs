//! Sign-in: the form, and what comes of it.

use std::sync::Arc;

use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use maud::html;
use service::Access;
use service::access::SignInError;
use service::auth::{Caller, Denial, TokenError};
use service::http::body::BodyReader;
use service::http::sender::{Sender, sender};
use service::http::{RequestBody, Route};

use crate::api;
use crate::form;
use crate::page::frame::{Frame, Root, document};
use crate::page::next::Next;
use crate::page::posted::{NotPosted, Posted};
use crate::page::problem::Problem;

/// The form, and what it posts to.
pub(super) const SIGN_IN: &str = "/sign-in";

/// What ends a session.
pub(super) const SIGN_OUT: &str = "/sign-out";

/// Signs people in and out, where callers are asked who they are.
pub(super) struct SignIn {
    access: Access,
    bodies: Arc<BodyReader>,
}

/// What a browser gets.
pub(super) enum Step {
    /// The form.
    Form(Form),
    /// Another page, and a cookie.
    Go { location: String, cookie: HeaderValue },
}

/// The form, empty or again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) status: StatusCode,
    next: Next,
    /// What is wrong with what was sent.
    fault: &'static str,
}

impl SignIn {
    pub(super) fn new(access: Access, bodies: Arc<BodyReader>) -> Self {
        Self { access, bodies }
    }

    /// What a request for one of the routes of this file gets.
    pub(super) async fn answer(
        &self,
        route: &Route,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> Result<Step, Problem> {
        if route.method == Method::GET {
            let fields = form::fields(request.uri().query().unwrap_or_default().as_bytes()).unwrap_or_default();
            let next = fields.iter().find(|(name, _)| name == "next").map_or("", |(_, value)| value);
            return Ok(Step::Form(Form { status: StatusCode::OK, next: Next::of(next), fault: "" }));
        }
        check_site(request.headers())?;
        let posted = Posted::read_short(&self.bodies, request).await?;
        if route.path == SIGN_OUT {
            let cookie = self.access.sign_out().ok_or_else(unavailable)?;
            return Ok(Step::Go { location: "./sign-in".to_owned(), cookie });
        }
        let next = Next::of(posted.field("next"));
        let credential = posted.field("credential").trim().as_bytes();
        match self.access.sign_in(route, request.headers(), caller, api::KIND, credential).await {
            Ok(cookie) => Ok(Step::Go { location: next.link(), cookie }),
            Err(SignInError::Unavailable) => Err(unavailable()),
            Err(error) => Ok(Step::Form(Form { status: StatusCode::UNAUTHORIZED, next, fault: fault(error) })),
        }
    }
}

/// Another site must neither sign somebody in, as somebody else, nor out.
fn check_site(headers: &HeaderMap) -> Result<(), NotPosted> {
    if sender(headers) == Sender::Own { Ok(()) } else { Err(NotPosted::CrossSite) }
}

/// What is wrong, in words that show nothing of what was sent.
fn fault(error: SignInError) -> &'static str {
    match error {
        SignInError::TooLong => {
            "It is longer than 3,000 bytes, which is all that fits in a cookie. Ask the issuer for a shorter token, or \
             send it in a header to the HTTP API."
        }
        SignInError::Denied(Denial::NoCredential) => "Enter a key or a token.",
        SignInError::Denied(Denial::UnknownKey) => "This service does not know the key, or does not know it any more.",
        SignInError::Denied(Denial::Token(TokenError::Time)) => "The token is over, or has not begun. Get another one.",
        SignInError::Denied(Denial::Token(_)) => "The token is not valid for this service.",
        SignInError::Denied(Denial::Kind(_)) => "This key or token may not be used for submissions.",
        SignInError::Denied(_) | SignInError::Unavailable => "It is not accepted.",
    }
}

fn unavailable() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The service cannot keep a session at this moment. Try again.")
}

impl Form {
    /// The document. What was sent is not in it.
    pub(super) fn render(&self, frame: Frame<'_>) -> String {
        let content = html! {
            section aria-labelledby="sign-in-heading" {
                h2 #sign-in-heading { "Sign in" }
                form #sign-in method="post" action="./sign-in" {
                    input type="hidden" name="next" value=(self.next.text());
                    label for="credential" { "API key or token" }
                    input #credential type="password" name="credential" required autofocus spellcheck="false"
                        autocomplete="current-password" autocapitalize="off" aria-describedby="fault hint"
                        aria-invalid=[(!self.fault.is_empty()).then_some("true")];
                    p #fault.alarm role="alert" { (self.fault) }
                    div.bar {
                        p #hint {
                            "It stays in this browser, sealed, for 12 hours or until you sign out. Signed in already? "
                            a href=(self.next.link()) { "Continue" }
                        }
                        button { "Sign in" }
                    }
                }
            }
        };
        document(frame, Root::LIST, "Sign in", &content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_site_signs_somebody_in_or_out() {
        for (lines, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("host", "a.example"), ("origin", "https://a.example")], true),
            (&[], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("host", "a.example"), ("origin", "https://b.example")], false),
            (&[("host", "a.example"), ("origin", "null")], false),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(check_site(&headers).is_ok(), expected, "{lines:?}");
        }
    }
}
