//! Answers that a client need not get again: each has an `ETag`, and a client that sends it back gets 304 without a
//! body for as long as the answer would be the same. The tag is a hash of the whole body, so it is the same in all
//! processes, and it cannot forget a field.

use std::fmt::Write;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use super::response::json;

/// The answer with this JSON to a request with these headers.
pub fn json_if_changed(request: &HeaderMap, body: Vec<u8>) -> Response<Full<Bytes>> {
    let tag = tag(&body);
    let mut response = if is_known(request, &tag) {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        json(StatusCode::OK, body)
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::try_from(tag).expect("a quoted hexadecimal number"));
    // A browser may keep it, and never use it without asking: whose it is depends on who asks.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Half of the hash is more than enough: nobody gains by two bodies with one tag.
fn tag(body: &[u8]) -> String {
    let mut tag = String::with_capacity(34);
    tag.push('"');
    for byte in &Sha256::digest(body)[..16] {
        write!(tag, "{byte:02x}").expect("a String takes everything");
    }
    tag.push('"');
    tag
}

/// Whether the client has what this tag stands for. Tags are compared without their `W/`, as RFC 9110 wants it here.
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let listed = request.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut listed = listed.flat_map(|value| value.split(',')).map(str::trim);
    listed.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(known: &[&str], body: &str) -> Response<Full<Bytes>> {
        let mut headers = HeaderMap::new();
        for known in known {
            headers.append(IF_NONE_MATCH, HeaderValue::from_str(known).unwrap());
        }
        json_if_changed(&headers, body.as_bytes().to_vec())
    }

    fn tag_of(response: &Response<Full<Bytes>>) -> String {
        response.headers()[ETAG].to_str().unwrap().to_owned()
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let first = ask(&[], "{\"a\":1}");
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()["content-type"], "application/json");
        let tag = tag_of(&first);
        let (weak, listed) = (format!("W/{tag}"), format!("\"x\",{tag} , \"y\""));
        for known in [&[tag.as_str()][..], &["\"other\", ", &weak], &[&listed], &["*"]] {
            let again = ask(known, "{\"a\":1}");
            assert_eq!((again.status(), tag_of(&again)), (StatusCode::NOT_MODIFIED, tag.clone()), "{known:?}");
            assert!(!again.headers().contains_key("content-type"));
        }
    }

    #[test]
    fn what_is_new_is_sent() {
        let tag = tag_of(&ask(&[], "{\"a\":1}"));
        for known in [&[tag.as_str()][..], &["\"\""], &[""], &[tag.trim_matches('"')]] {
            let changed = ask(known, "{\"a\":2}");
            assert_eq!(changed.status(), StatusCode::OK, "{known:?}");
            assert_ne!(tag_of(&changed), tag);
        }
        assert_eq!(ask(&[tag.trim_matches('"')], "{\"a\":1}").status(), StatusCode::OK, "a tag has its quotes");
    }
}
