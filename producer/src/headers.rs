//! What a request's headers say about its records.

use contract::{BulkFormat, TraceContext, record};
use hyper::header::HeaderMap;
use service::http;
use service::http::headers::is_media_type;

use crate::rejection::Rejection;

/// A single record is JSON; no content type at all counts as JSON.
pub(crate) fn check_json(headers: &HeaderMap) -> Result<(), Rejection> {
    let is_json = is_media_type(headers, "application/json").unwrap_or(true);
    if is_json { Ok(()) } else { Err(Rejection::ContentType) }
}

/// How a bulk is written.
pub(crate) fn bulk_format(headers: &HeaderMap) -> Result<BulkFormat, Rejection> {
    http::headers::bulk_format(headers).ok_or(Rejection::BulkContentType)
}

/// The bytes of the `Idempotency-Key`, if there is one.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&[u8]>, Rejection> {
    http::headers::idempotency_key(headers).map_err(Rejection::IdempotencyKey)
}

/// The trace that the client has started.
pub(crate) fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get(record::TRACEPARENT_HEADER).and_then(|value| TraceContext::parse(value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn with(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn json_is_the_only_content_type_of_a_single_record() {
        for accepted in [&[][..], &["application/json"], &["Application/JSON; charset=utf-8"]] {
            assert!(check_json(&with("content-type", accepted)).is_ok(), "{accepted:?}");
        }
        for rejected in ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"] {
            assert!(check_json(&with("content-type", &[rejected])).is_err(), "{rejected:?}");
        }
    }

    #[test]
    fn the_content_type_says_how_a_bulk_is_written() {
        for (values, format) in [
            (&[][..], BulkFormat::Array),
            (&["application/json; charset=utf-8"], BulkFormat::Array),
            (&["application/x-ndjson"], BulkFormat::Lines),
            (&["Application/X-NDJSON; charset=utf-8"], BulkFormat::Lines),
        ] {
            assert_eq!(bulk_format(&with("content-type", values)).unwrap(), format, "{values:?}");
        }
        for rejected in ["", "text/plain", "application/ndjsonx"] {
            assert!(bulk_format(&with("content-type", &[rejected])).is_err(), "{rejected:?}");
        }
    }
}
