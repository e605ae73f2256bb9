//! What a form of the page has posted.

use hyper::body::Body;
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use hyper::{Request, StatusCode};
use service::http::RequestBody;
use service::http::body::{BodyError, BodyReader, CollectedBody, HeldBody, Share};
use service::http::headers::is_media_type;
use service::http::sender::{Sender, sender};

use crate::api::metrics::RejectionReason;
use crate::form::{self, FormError};
use crate::page::problem::Problem;

/// The fields of a form, and what it holds of the budget for bodies.
pub(super) struct Posted {
    fields: Vec<(String, String)>,
    share: Share,
}

/// Why a request is not a form of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotPosted {
    /// A page of another site sent it.
    CrossSite,
    /// It has another content type.
    ContentType,
    /// It has no fields that can be read.
    Form(FormError),
    /// It is not read to its end.
    Body(BodyError),
}

impl Posted {
    /// The form in a request's body, which may have this many bytes: a content has more of them here than in JSON.
    pub(super) async fn read(
        bodies: &BodyReader,
        request: &mut Request<RequestBody>,
        max_bytes: usize,
    ) -> Result<Self, NotPosted> {
        // Browsers announce how long a form is, so that it can be refused before anything of it is held.
        let Some(announced) = request.body().size_hint().exact() else {
            return Self::read_short(bodies, request).await;
        };
        check(request.headers())?;
        if announced > max_bytes as u64 {
            return Err(NotPosted::Body(BodyError::TooLarge(max_bytes)));
        }
        let body = bodies.read_bulk(request).await.map_err(NotPosted::Body)?;
        Self::of(HeldBody::Collected(body))
    }

    /// The same of a form without a content. Everybody may send one, so it has the limit of a single body.
    pub(super) async fn read_short(bodies: &BodyReader, request: &mut Request<RequestBody>) -> Result<Self, NotPosted> {
        check(request.headers())?;
        Self::of(bodies.read(request).await.map_err(NotPosted::Body)?)
    }

    fn of(body: HeldBody) -> Result<Self, NotPosted> {
        let fields = form::fields(body.bytes()).map_err(NotPosted::Form)?;
        let share = match body {
            HeldBody::Collected(CollectedBody { share, .. }) => share,
            HeldBody::Piece(_) => Share::default(),
        };
        Ok(Self { fields, share })
    }

    /// What it holds of the budget, for an answer that shows it again.
    pub(super) fn into_share(self) -> Share {
        self.share
    }

    /// The value of a field, empty if there is none.
    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }
}

impl NotPosted {
    /// Its reason in the metric of submissions.
    pub(super) fn reason(self) -> RejectionReason {
        match self {
            NotPosted::CrossSite => RejectionReason::CrossSite,
            NotPosted::ContentType => RejectionReason::ContentType,
            NotPosted::Form(_) => RejectionReason::Invalid,
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
            NotPosted::Form(FormError::NotText) => (StatusCode::BAD_REQUEST, "The form is not UTF-8."),
            NotPosted::Form(FormError::TooMany) => {
                (StatusCode::BAD_REQUEST, "The form has more fields than any form of the page.")
            }
            NotPosted::Body(BodyError::TooLarge(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "The form is too large."),
            NotPosted::Body(BodyError::Slow) => {
                (StatusCode::REQUEST_TIMEOUT, "The form did not arrive in time. Try again.")
            }
            NotPosted::Body(BodyError::Broken | BodyError::Undecodable(_)) => {
                (StatusCode::BAD_REQUEST, "The form did not arrive as a whole.")
            }
            NotPosted::Body(BodyError::Coding(_)) => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "A form must not be compressed.")
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
    // The limit would be that of what comes out, and a thousandth of it could be all that is sent.
    if headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(NotPosted::Body(BodyError::Coding("identity")));
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
        let compressed = || Err(NotPosted::Body(BodyError::Coding("identity")));
        for (media_type, site, coding, expected) in [
            (FORM, "same-origin", "Identity", Ok(())),
            (FORM, "cross-site", "identity", Err(NotPosted::CrossSite)),
            (FORM, "same-origin", "gzip", compressed()),
            (FORM, "same-origin", "identity, zstd", compressed()),
            ("application/json", "same-origin", "identity", Err(NotPosted::ContentType)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static(media_type));
            headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            headers.insert("content-encoding", HeaderValue::from_static(coding));
            assert_eq!(check(&headers), expected, "{media_type} {site} {coding}");
        }
        assert_eq!(check(&HeaderMap::new()), Err(NotPosted::ContentType));
    }

    #[test]
    fn a_field_that_is_missing_is_empty() {
        let posted = Posted::of(HeldBody::Piece("a=1".into())).unwrap();
        assert_eq!((posted.field("a"), posted.field("b")), ("1", ""));
    }
}
