//! Whether a page of another site sent a request, in the name of the person who looks at that page. A browser sends a
//! form to any site, and with it what that site trusts: the address from which it comes.

use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};

/// Whether another site's page sent it. Only browsers say so; what is sent by other programs is their own.
pub(crate) fn is_cross_site(headers: &HeaderMap) -> bool {
    // Browsers send this header to sites that they consider trustworthy, and it holds behind any proxy.
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let own = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
    // A page that does not say where it comes from is of no site, so it is not of this one either.
    let from = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    from.is_none_or(|from| !from.as_bytes().eq_ignore_ascii_case(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_site_and_programs_are_let_through() {
        for (headers, expected) in [
            (&[("host", "example.com")][..], false),
            (&[("host", "example.com"), ("origin", "https://example.com")], false),
            (&[("host", "Example.com:8000"), ("origin", "http://example.com:8000")], false),
            (&[("host", "example.com"), ("origin", "https://other.example.com")], true),
            (&[("host", "example.com"), ("origin", "http://example.com:8000")], true),
            (&[("host", "example.com"), ("origin", "null")], true),
            (&[("origin", "https://example.com")], true),
            (&[("host", "example.com"), ("sec-fetch-site", "same-origin")], false),
            (&[("host", "example.com"), ("sec-fetch-site", "none")], false),
            (&[("host", "example.com"), ("sec-fetch-site", "same-site")], true),
            (&[("host", "example.com"), ("sec-fetch-site", "cross-site"), ("origin", "https://example.com")], true),
            (&[("host", "inner:8000"), ("sec-fetch-site", "same-origin"), ("origin", "https://example.com")], false),
        ] {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
                .collect::<Vec<(hyper::header::HeaderName, HeaderValue)>>()
                .into_iter()
                .collect();
            assert_eq!(is_cross_site(&headers), expected, "{headers:?}");
        }
    }
}
