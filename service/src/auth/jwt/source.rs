//! Where the keys of an issuer are: in a file, or at a URL.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use bytes::Bytes;
use hyper::header::ACCEPT;
use hyper::{Request, Uri};

use crate::http::client;
use crate::secrets::without_secrets;

/// Where the keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In this file.
    File(PathBuf),
    /// At this URL.
    Url {
        /// Its scheme is `http` or `https`.
        url: String,
        /// The authorities that its certificate may be of; `None` is the system's.
        authorities: Option<PathBuf>,
    },
}

impl Source {
    /// The source that a setting names.
    ///
    /// # Errors
    /// When it is not a URL that can be asked.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let is_url = text.parse::<Uri>().is_ok_and(|url| {
            let is_http = matches!(url.scheme_str(), Some("http" | "https"));
            is_http && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if is_url {
            Ok(Self::Url { url: text.to_owned(), authorities: None })
        } else {
            Err("must be a file, or a URL that begins with https:// or http:// and has no user".to_owned())
        }
    }

    /// The bytes that are there now.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) async fn read(&self) -> anyhow::Result<Vec<u8>> {
        match self {
            Source::File(path) => {
                tokio::fs::read(path).await.with_context(|| format!("cannot read the file {}", path.display()))
            }
            Source::Url { url, authorities } => {
                let request = Request::get(url).header(ACCEPT, "application/json").body(Bytes::new())?;
                let (status, body) = client::ask(request, authorities.as_deref()).await?;
                ensure!(status.is_success(), "{} answers {status}", without_secrets(url));
                Ok(body.to_vec())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_file_or_a_url() {
        assert_eq!(Source::parse("/etc/jwks.json"), Ok(Source::File("/etc/jwks.json".into())));
        for url in ["https://issuer/keys?a=b", "http://127.0.0.1:8080/jwks.json"] {
            assert_eq!(Source::parse(url), Ok(Source::Url { url: url.to_owned(), authorities: None }));
        }
        for wrong in ["ftp://issuer/keys", "https://", "://", "https://me:secret@issuer/keys", "https://a b/"] {
            assert!(Source::parse(wrong).is_err(), "{wrong}");
        }
    }
}
