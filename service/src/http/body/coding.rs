//! How a body is encoded on its way, which the header `Content-Encoding` says.

use hyper::header::{CONTENT_ENCODING, HeaderMap};

/// A content coding that is undone here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Zstd,
}

impl Coding {
    /// The codings that a client may use, as the header `Accept-Encoding` lists them.
    pub(super) const ALL: &'static str = "gzip, zstd";

    /// Its name in headers.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Zstd => "zstd",
        }
    }

    /// The coding of the body with these headers, if it has any.
    ///
    /// # Errors
    /// When it is another one, or there are several.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, UnknownCoding> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            let value = value.to_str().map_err(|_| UnknownCoding)?;
            for name in value.split(',').map(str::trim) {
                let coding = match () {
                    () if name.is_empty() || name.eq_ignore_ascii_case("identity") => continue,
                    () if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => Coding::Gzip,
                    () if name.eq_ignore_ascii_case("zstd") => Coding::Zstd,
                    () => return Err(UnknownCoding),
                };
                if found.replace(coding).is_some() {
                    return Err(UnknownCoding);
                }
            }
        }
        Ok(found)
    }
}

/// The body cannot be decoded, because it is not known how.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UnknownCoding;

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn one_coding_is_known_at_a_time() {
        for (values, expected) in [
            (&[][..], Ok(None)),
            (&[""], Ok(None)),
            (&["identity"], Ok(None)),
            (&["gzip"], Ok(Some(Coding::Gzip))),
            (&["X-GZip"], Ok(Some(Coding::Gzip))),
            (&["identity, Zstd ,"], Ok(Some(Coding::Zstd))),
            (&["br"], Err(UnknownCoding)),
            (&["gzip, zstd"], Err(UnknownCoding)),
            (&["gzip", "gzip"], Err(UnknownCoding)),
            (&["g\u{e9}"], Err(UnknownCoding)),
        ] {
            let value = |value: &&str| (CONTENT_ENCODING, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            assert_eq!(Coding::of(&values.iter().map(value).collect()), expected, "{values:?}");
        }
    }
}
