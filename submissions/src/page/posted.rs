//! What a form of the page has posted.

use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use service::http::RequestBody;
use service::http::body::{BodyError, BodyReader};
use service::http::headers::is_media_type;
use service::http::sender::{Sender, sender};

use crate::api::metrics::RejectionReason;
use crate::form;
use crate::page::problem::Problem;

/// The fields of a form.
#[derive(Debug)]
pub(super) struct Posted(Vec<(String, String)>);

/// Why a request is not a form of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotPosted {
    /// A page of another site sent it.
    CrossSite,
    /// It has another content type.
    ContentType,
    /// It is not UTF-8.
    NotText,
    /// It is not read to its end.
    Body(BodyError),
}

impl Posted {
    /// The form in a request's body. Escapes triple the size of a content, so the limit of a bulk holds.
    pub(super) async fn read(bodies: &BodyReader, request: &mut Request<RequestBody>) -> Result<Self, NotPosted> {
        check(request.headers())?;
        let body = bodies.read_bulk(request).await.map_err(NotPosted::Body)?;
        form::fields(&body.bytes).map(Self).ok_or(NotPosted::NotText)
    }

    /// The same of a form without a content. Everybody may send one, so it has the limit of a single body.
    pub(super) async fn read_short(bodies: &BodyReader, request: &mut Request<RequestBody>) -> Result<Self, NotPosted> {
        check(request.headers())?;
        let body = bodies.read(request).await.map_err(NotPosted::Body)?;
        form::fields(body.bytes()).map(Self).ok_or(NotPosted::NotText)
    }

    /// The value of a field, empty if there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }
}

impl NotPosted {
    /// Its reason in the metric of submissions.
    pub(super) fn reason(self) -> RejectionReason {
        match self {
            NotPosted::CrossSite => RejectionReason::CrossSite,
            NotPosted::ContentType => RejectionReason::ContentType,
            NotPosted::NotText => RejectionReason::Invalid,
            NotPosted::Body(BodyError::TooLarge(_)) => RejectionReason::TooLarge,
            NotPosted::Body(BodyError::Slow) => RejectionReason::SlowBody,
            NotPosted::Body(BodyError::Broken | BodyError::Undecodable(_)) => RejectionReason::BrokenBody,
            NotPosted::Body(BodyError::Coding(_)) => RejectionReason::ContentEncoding,
            NotPosted::Body(BodyError::BufferFull) => RejectionReason::Full,
        }
    }
}

impl From<NotPosted> for Problem {
    fn from(error: NotPosted) -> Self {
        let (status, detail) = match error {
            NotPosted::CrossSite => (StatusCode::FORBIDDEN, "Another site has sent this form. Nothing was done."),
            NotPosted::ContentType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "This address takes only the forms of the page.")
            }
            NotPosted::NotText => (StatusCode::BAD_REQUEST, "The form is not UTF-8."),
            NotPosted::Body(BodyError::TooLarge(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "The form is too large."),
            NotPosted::Body(BodyError::Slow) => {
                (StatusCode::REQUEST_TIMEOUT, "The form did not arrive in time. Try again.")
            }
            NotPosted::Body(BodyError::Broken | BodyError::Undecodable(_)) => {
                (StatusCode::BAD_REQUEST, "The form did not arrive as a whole.")
            }
            NotPosted::Body(BodyError::Coding(_)) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The form is compressed in an unknown way.")
            }
            NotPosted::Body(BodyError::BufferFull) => {
                (StatusCode::SERVICE_UNAVAILABLE, "Too much arrives at this moment. Try again.")
            }
        };
        Problem::new(status, detail)
    }
}

/// Whether it may be a form of this page.
fn check(headers: &HeaderMap) -> Result<(), NotPosted> {
    if sender(headers) == Sender::Other {
        return Err(NotPosted::CrossSite);
    }
    let is_form = is_media_type(headers, "application/x-www-form-urlencoded").unwrap_or(false);
    if is_form { Ok(()) } else { Err(NotPosted::ContentType) }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn only_forms_of_this_page_are_taken() {
        const FORM: &str = "application/x-www-form-urlencoded";
        for (media_type, site, expected) in [
            (FORM, "same-origin", Ok(())),
            (FORM, "cross-site", Err(NotPosted::CrossSite)),
            ("application/json", "same-origin", Err(NotPosted::ContentType)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static(media_type));
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            assert_eq!(check(&headers), expected, "{media_type} {site}");
        }
        assert_eq!(check(&HeaderMap::new()), Err(NotPosted::ContentType));
    }

    #[test]
    fn a_field_that_is_missing_is_empty() {
        let posted = Posted(vec![("a".to_owned(), "1".to_owned())]);
        assert_eq!((posted.field("a"), posted.field("b")), ("1", ""));
    }
}
