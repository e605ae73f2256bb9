//! Where traces are sent: the base URL of an OTLP receiver.

use hyper::Uri;
use hyper::http::uri::Scheme;

/// A checked base URL, such as `http://localhost:4318`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Without a trailing slash.
    base: String,
}

impl Endpoint {
    /// Reads `OTEL_EXPORTER_OTLP_ENDPOINT`; empty means that no traces are sent.
    ///
    /// # Errors
    /// When it cannot be used; the text says what it must be instead.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        let like = "must be the http URL of an OTLP receiver, such as http://localhost:4318";
        let uri: Uri = text.parse().map_err(|error| format!("{like} ({error})"))?;
        let authority = uri.authority().map(|authority| authority.as_str());
        match (uri.scheme(), authority) {
            (Some(scheme), _) if *scheme == Scheme::HTTPS => {
                Err(format!("{like}: for https, let a collector beside the service forward the traces"))
            }
            (Some(scheme), Some(authority)) if *scheme == Scheme::HTTP && uri.query().is_none() => {
                if authority.contains('@') {
                    return Err(format!("{like}: credentials belong in OTEL_EXPORTER_OTLP_HEADERS"));
                }
                Ok(Some(Self { base: text.trim_end_matches('/').to_owned() }))
            }
            _ => Err(like.to_owned()),
        }
    }

    /// Where its traces go.
    pub fn traces_url(&self) -> String {
        format!("{}/v1/traces", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_base_url() {
        for (text, url) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("http://[::1]", "http://[::1]/v1/traces"),
            ("http://gateway/otlp/", "http://gateway/otlp/v1/traces"),
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().unwrap().traces_url(), url);
        }
        assert_eq!(Endpoint::parse(""), Ok(None));
    }

    #[test]
    fn an_endpoint_that_cannot_be_used_is_an_error_that_says_what_to_do() {
        for (wrong, advice) in [
            ("localhost:4318", "http://localhost:4318"),
            ("localhost", "http://localhost:4318"),
            ("/v1/traces", "http://localhost:4318"),
            ("http://", "http://localhost:4318"),
            ("ftp://localhost", "http://localhost:4318"),
            ("http://local host", "http://localhost:4318"),
            ("http://localhost:4318?token=x", "http://localhost:4318"),
            ("https://localhost:4318", "a collector beside the service"),
            ("http://me:secret@localhost:4318", "OTEL_EXPORTER_OTLP_HEADERS"),
        ] {
            let reason = Endpoint::parse(wrong).unwrap_err();
            assert!(reason.contains(advice), "{wrong}: {reason}");
        }
    }
}
