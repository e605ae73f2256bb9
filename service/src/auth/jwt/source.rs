//! Where the keys of an issuer are: in a file, or at a URL.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Uri;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::secrets::without_secrets;

/// The longest time to read them.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of them.
const MOST_BYTES: usize = 1024 * 1024;

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
                let got = tokio::time::timeout(TIMEOUT, get(url, authorities.as_ref())).await;
                got.context("no answer in time")
                    .flatten()
                    .with_context(|| format!("cannot get {}", without_secrets(url)))
            }
        }
    }
}

async fn get(url: &str, authorities: Option<&PathBuf>) -> anyhow::Result<Vec<u8>> {
    let url: Uri = url.parse()?;
    let host = url.host().context("it has no host")?.trim_matches(['[', ']']).to_owned();
    let is_secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await.context("cannot connect")?;
    if !is_secure {
        return ask(stream, &url).await;
    }
    let config = ClientConfig::builder().with_root_certificates(roots(authorities)?).with_no_client_auth();
    let name = ServerName::try_from(host).context("its host cannot be verified")?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.context("TLS failed")?;
    ask(stream, &url).await
}

fn roots(authorities: Option<&PathBuf>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'_>> = match authorities {
        Some(path) => {
            let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            read.with_context(|| format!("JWT_JWKS_CA: cannot read {}", path.display()))?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (added, _) = roots.add_parsable_certificates(certificates);
    ensure!(added > 0, "there are no certificate authorities");
    Ok(roots)
}

async fn ask(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, url: &Uri) -> anyhow::Result<Vec<u8>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let host = url.authority().map_or("", |authority| authority.as_str());
    let request = hyper::Request::get(path).header(HOST, host).header(ACCEPT, "application/json");
    let answering = async {
        let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        ensure!(answer.status().is_success(), "the answer is {}", answer.status());
        match Limited::new(answer.into_body(), MOST_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes().to_vec()),
            Err(error) => bail!("the answer cannot be read: {error}"),
        }
    };
    let connection = tokio::spawn(connection);
    let answer = answering.await;
    connection.abort();
    answer
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
