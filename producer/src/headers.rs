//! What a request's headers say about its posts.

use contract::{TraceContext, record};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::rejection::Rejection;

/// Whether the body has this media type; `None` if the headers do not say.
pub(crate) fn is_content_type(headers: &HeaderMap, media_type: &str) -> Option<bool> {
    let value = headers.get(CONTENT_TYPE)?;
    let said = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    Some(said.eq_ignore_ascii_case(media_type))
}

/// The bytes of the `Idempotency-Key`, if there is one.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&[u8]>, Rejection> {
    let mut keys = headers.get_all("idempotency-key").iter();
    match (keys.next(), keys.next()) {
        (key, None) => Ok(key.map(HeaderValue::as_bytes)),
        (_, Some(_)) => Err(Rejection::IdempotencyKey("must be given only once")),
    }
}

/// The trace that the client has started.
pub(crate) fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get(record::TRACEPARENT_HEADER).and_then(|value| TraceContext::parse(value.as_bytes()))
}

#[cfg(test)]
pub(crate) fn with(name: &'static str, values: &[&str]) -> HeaderMap {
    values.iter().map(|value| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_is_given_once() {
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        assert_eq!(idempotency_key(&with("idempotency-key", &["k1"])).unwrap(), Some(&b"k1"[..]));
        assert!(idempotency_key(&with("idempotency-key", &["k1", "k1"])).is_err());
    }
}
