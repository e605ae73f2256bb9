//! What a request's headers say about its target and its body.

use contract::BulkFormat;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Request, Version};

/// Whether a request names its host as HTTP requires: in exactly one header, before HTTP/1.1 in at most one.
pub(super) fn names_host<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_there = hosts.next().is_some() || request.version() < Version::HTTP_11;
    is_there && hosts.next().is_none()
}

/// Whether the body has this media type; `None` if the headers do not say.
pub fn is_media_type(headers: &HeaderMap, media_type: &str) -> Option<bool> {
    let value = headers.get(CONTENT_TYPE)?;
    let said = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    Some(said.eq_ignore_ascii_case(media_type))
}

/// How a bulk is written; no content type at all counts as JSON. `None` if it is neither JSON nor NDJSON.
pub fn bulk_format(headers: &HeaderMap) -> Option<BulkFormat> {
    if is_media_type(headers, "application/json").unwrap_or(true) {
        Some(BulkFormat::Array)
    } else {
        is_media_type(headers, "application/x-ndjson").unwrap_or(false).then_some(BulkFormat::Lines)
    }
}

/// The bytes of the `Idempotency-Key`, if there is one. Whether they can be used is for the service to say.
///
/// # Errors
/// What is wrong with it, in words that follow its name.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&[u8]>, &'static str> {
    let mut keys = headers.get_all("idempotency-key").iter();
    match (keys.next(), keys.next()) {
        (key, None) => Ok(key.map(HeaderValue::as_bytes)),
        (_, Some(_)) => Err("must be given only once"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_host_is_named_once() {
        for (version, hosts, expected) in [
            (Version::HTTP_11, &[][..], false),
            (Version::HTTP_11, &["a"], true),
            (Version::HTTP_11, &[""], true),
            (Version::HTTP_11, &["a", "a"], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_10, &["a", "b"], false),
        ] {
            let mut request = Request::builder().version(version).body(()).unwrap();
            *request.headers_mut() = with("host", hosts);
            assert_eq!(names_host(&request), expected, "{version:?} {hosts:?}");
        }
    }

    #[test]
    fn a_media_type_is_compared_without_its_parameters() {
        let is_json = |values: &[&str]| is_media_type(&with("content-type", values), "application/json");
        assert_eq!(is_json(&[]), None);
        for same in ["application/json", "Application/JSON; charset=utf-8", " application/json ;"] {
            assert_eq!(is_json(&[same]), Some(true), "{same:?}");
        }
        for other in ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"] {
            assert_eq!(is_json(&[other]), Some(false), "{other:?}");
        }
    }

    #[test]
    fn an_idempotency_key_is_given_once() {
        assert_eq!(idempotency_key(&HeaderMap::new()), Ok(None));
        assert_eq!(idempotency_key(&with("idempotency-key", &["k1"])), Ok(Some(&b"k1"[..])));
        assert!(idempotency_key(&with("idempotency-key", &["k1", "k1"])).is_err());
    }
}
