//! The credential in a request's headers.

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};

/// The header that can carry an API key instead of `Authorization`.
const X_API_KEY: &str = "x-api-key";

/// What a request shows of its caller, as it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credential<'h>(&'h [u8]);

/// Why credentials cannot be read: one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl<'h> Credential<'h> {
    /// Its bytes, which nothing may show.
    pub fn bytes(self) -> &'h [u8] {
        self.0
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(crate::secrets::HIDDEN)
    }
}

/// The credential of a request with these headers: after `Bearer` in `Authorization`, or in `X-API-Key`. Another scheme
/// of `Authorization`, such as the `Basic` that some proxies add, is no credential here.
///
/// # Errors
/// When there are two, even if they are equal: which of them counts must not depend on who reads the request (RFC 6750,
/// section 2).
pub fn credential(headers: &HeaderMap) -> Result<Option<Credential<'_>>, Malformed> {
    let bearer = once(headers, AUTHORIZATION.as_str(), "the Authorization header must be given only once")?;
    let bearer = bearer.and_then(of_bearer);
    let key = once(headers, X_API_KEY, "the X-API-Key header must be given only once")?.map(<[u8]>::trim_ascii);
    match (bearer, key) {
        (Some(_), Some(_)) => Err(Malformed("send one credential: either Authorization or X-API-Key")),
        (Some(text), None) | (None, Some(text)) => Ok(Some(Credential(text))),
        (None, None) => Ok(None),
    }
}

fn once<'h>(headers: &'h HeaderMap, name: &str, error: &'static str) -> Result<Option<&'h [u8]>, Malformed> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(HeaderValue::as_bytes)),
        (_, Some(_)) => Err(Malformed(error)),
    }
}

/// What follows the scheme `Bearer`, whose case does not matter.
fn of_bearer(value: &[u8]) -> Option<&[u8]> {
    let value = value.trim_ascii();
    let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
    let (scheme, token) = value.split_at(end);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> Result<Option<String>, Malformed> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        credential(&map).map(|found| found.map(|found| String::from_utf8(found.bytes().to_vec()).unwrap()))
    }

    #[test]
    fn a_credential_is_after_bearer_or_in_x_api_key() {
        for (headers, expected) in [
            (&[][..], None),
            (&[("authorization", "Bearer k1")], Some("k1")),
            (&[("authorization", "bEARER   k1 ")], Some("k1")),
            (&[("authorization", "Bearer")], Some("")),
            (&[("authorization", "Basic dTpw")], None),
            (&[("authorization", "Bearerk1")], None),
            (&[("authorization", "k1")], None),
            (&[("x-api-key", " k1 ")], Some("k1")),
            (&[("authorization", "Basic dTpw"), ("x-api-key", "k1")], Some("k1")),
        ] {
            assert_eq!(read(headers), Ok(expected.map(str::to_owned)), "{headers:?}");
        }
    }

    #[test]
    fn two_credentials_are_an_error_even_if_they_are_equal() {
        for headers in [
            [("authorization", "Bearer k1"), ("x-api-key", "k1")],
            [("authorization", "Bearer k1"), ("authorization", "Bearer k1")],
            [("authorization", "Basic dTpw"), ("authorization", "Bearer k1")],
            [("x-api-key", "k1"), ("x-api-key", "k2")],
        ] {
            assert!(read(&headers).is_err(), "{headers:?}");
        }
    }

    #[test]
    fn a_credential_is_not_shown() {
        assert_eq!(format!("{:?}", Credential(b"k1")), "***");
    }
}
