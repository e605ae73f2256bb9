//! Which pages of other sites may read the answers (CORS). Nothing of it keeps anybody out who is not a browser.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue,
    ORIGIN, VARY,
};
use hyper::{Response, StatusCode};

/// The headers that a page may send beside those that every page may.
const ALLOWED: HeaderValue = HeaderValue::from_static(
    "authorization, content-encoding, content-type, idempotency-key, if-none-match, traceparent, x-api-key, \
     x-request-id",
);

/// The headers of an answer that a page may read beside those that every page may.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("etag, location, ratelimit, ratelimit-policy, retry-after, www-authenticate");

/// How long a browser remembers what is allowed, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The sites whose pages may read the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// All of them.
    Any,
    /// These, such as `https://example.com`.
    These(Vec<HeaderValue>),
}

impl Origins {
    /// The origins that a setting lists; `None` if it is empty.
    ///
    /// # Errors
    /// When one of them is not an origin as browsers send it.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        match text {
            "" => Ok(None),
            "*" => Ok(Some(Self::Any)),
            _ => {
                text.split(',').map(|origin| parse(origin.trim())).collect::<Result<_, _>>().map(Self::These).map(Some)
            }
        }
    }

    /// Whether a request with these headers comes from a page that may read its answer.
    pub(super) fn allow(&self, request: &HeaderMap) -> bool {
        let mut origins = request.get_all(ORIGIN).iter();
        let Some(origin) = origins.next().filter(|_| origins.next().is_none()) else { return false };
        match self {
            Origins::Any => true,
            Origins::These(these) => these.contains(origin),
        }
    }

    /// Adds to an answer that a page may read it, if that is so.
    pub(super) fn share(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        // A cache must not give the answer for one site to another one.
        answer.append(VARY, HeaderValue::from_static("origin"));
        if self.allow(request) {
            let origin = match self {
                Origins::Any => HeaderValue::from_static("*"),
                Origins::These(_) => request[ORIGIN].clone(),
            };
            answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /// The answer to a browser that asks beforehand whether a page may send a request to a path that accepts these
    /// methods; `None` if this is not such a question, or not from such a page.
    pub(super) fn preflight(&self, request: &HeaderMap, methods: &str) -> Option<Response<Full<Bytes>>> {
        if !request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) || !self.allow(request) {
            return None;
        }
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::try_from(methods).ok()?);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        Some(response)
    }
}

fn parse(origin: &str) -> Result<HeaderValue, String> {
    let error =
        || format!("must be origins such as https://example.com, separated by commas, or *; `{origin}` is none");
    let (scheme, host) = origin.split_once("://").ok_or_else(error)?;
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@*\\".contains(&byte));
    // Browsers write both in lowercase, and what differs would never match.
    if !matches!(scheme, "http" | "https") || !is_host || origin.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(error());
    }
    HeaderValue::from_str(origin).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origins: &[&str]) -> HeaderMap {
        origins.iter().map(|origin| (ORIGIN, HeaderValue::from_str(origin).unwrap())).collect()
    }

    #[test]
    fn only_the_listed_origins_are_allowed() {
        let these = Origins::parse("https://a.example, http://localhost:5173").unwrap().unwrap();
        for (origins, expected) in [
            (&["https://a.example"][..], true),
            (&["http://localhost:5173"], true),
            (&["http://a.example"], false),
            (&["https://a.example.evil"], false),
            (&["https://evil.a.example"], false),
            (&["null"], false),
            (&[], false),
            (&["https://a.example", "https://evil"], false),
        ] {
            assert_eq!(these.allow(&headers(origins)), expected, "{origins:?}");
            assert_eq!(Origins::Any.allow(&headers(origins)), origins.len() == 1);
        }
    }

    #[test]
    fn what_no_browser_sends_is_not_an_origin() {
        assert_eq!(Origins::parse(""), Ok(None));
        assert_eq!(Origins::parse("*"), Ok(Some(Origins::Any)));
        for wrong in
            ["a.example", "https://", "https://a.example/", "https://*.example", "https://A.example", "null", ","]
        {
            assert!(Origins::parse(wrong).is_err(), "{wrong}");
        }
    }
}
