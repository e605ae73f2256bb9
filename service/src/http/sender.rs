//! Whose page sent a request, as its browser says. A browser sends a form to any site, and with it what that site
//! trusts: a cookie, or the address from which it comes.

use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};

/// Whose page it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// One of this site.
    Own,
    /// One of another site.
    Other,
    /// Nobody says so: the person himself, or a program, which is not a browser.
    Unsaid,
}

/// What the headers of a request say.
pub fn sender(headers: &HeaderMap) -> Sender {
    // Browsers send this header to sites that they consider trustworthy, and it holds behind any proxy.
    if let Some(site) = headers.get("sec-fetch-site") {
        return match site.as_bytes() {
            b"same-origin" => Sender::Own,
            b"none" => Sender::Unsaid,
            _ => Sender::Other,
        };
    }
    let Some(origin) = headers.get(ORIGIN) else { return Sender::Unsaid };
    let own = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
    // A page that does not say where it comes from is of no site, so it is not of this one either.
    let from = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    if from.is_some_and(|from| from.as_bytes().eq_ignore_ascii_case(own)) { Sender::Own } else { Sender::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_site_is_its_own() {
        for (headers, expected) in [
            (&[("host", "example.com")][..], Sender::Unsaid),
            (&[("host", "example.com"), ("origin", "https://example.com")], Sender::Own),
            (&[("host", "Example.com:8000"), ("origin", "http://example.com:8000")], Sender::Own),
            (&[("host", "example.com"), ("origin", "https://other.example.com")], Sender::Other),
            (&[("host", "example.com"), ("origin", "http://example.com:8000")], Sender::Other),
            (&[("host", "example.com"), ("origin", "null")], Sender::Other),
            (&[("host", "example.com"), ("origin", "https://example.com.evil")], Sender::Other),
            (&[("origin", "https://example.com")], Sender::Other),
            (&[("host", "example.com"), ("sec-fetch-site", "same-origin")], Sender::Own),
            (&[("host", "example.com"), ("sec-fetch-site", "none")], Sender::Unsaid),
            (&[("host", "example.com"), ("sec-fetch-site", "same-site")], Sender::Other),
            (&[("host", "example.com"), ("sec-fetch-site", "same-origin, cross-site")], Sender::Other),
            (&[("host", "a.com"), ("sec-fetch-site", "cross-site"), ("origin", "https://a.com")], Sender::Other),
            (&[("host", "inner:8000"), ("sec-fetch-site", "same-origin"), ("origin", "https://a.com")], Sender::Own),
        ] {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect::<Vec<(hyper::header::HeaderName, HeaderValue)>>()
                .into_iter()
                .collect();
            assert_eq!(sender(&headers), expected, "{headers:?}");
        }
    }
}
