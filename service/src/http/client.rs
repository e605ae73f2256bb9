//! One request to another server, over a connection of its own: for keys and tokens, which are asked for rarely.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::task::AbortOnDropHandle;

use crate::secrets::without_secrets;
use crate::tls::roots;

/// The longest time for all of it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of an answer.
const MOST_BYTES: usize = 1024 * 1024;

/// Sends a request, whose URI is whole, and returns the answer's status and body. A certificate must be of one of these
/// authorities, in a PEM file, or else of the system's.
///
/// # Errors
/// When there is no answer within five seconds.
pub async fn ask(request: Request<Bytes>, authorities: Option<&Path>) -> anyhow::Result<(StatusCode, Bytes)> {
    let shown = without_secrets(&request.uri().to_string());
    let answered = tokio::time::timeout(TIMEOUT, connect_and_ask(request, authorities)).await;
    answered.context("no answer in time").flatten().with_context(|| format!("cannot ask {shown}"))
}

async fn connect_and_ask(request: Request<Bytes>, authorities: Option<&Path>) -> anyhow::Result<(StatusCode, Bytes)> {
    let url = request.uri();
    let host = url.host().context("the URL has no host")?.trim_matches(['[', ']']).to_owned();
    let is_encrypted = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await.context("cannot connect")?;
    if !is_encrypted {
        return over(stream, request).await;
    }
    let config = ClientConfig::builder().with_root_certificates(roots(authorities)?).with_no_client_auth();
    let name = ServerName::try_from(host).context("no certificate can be of this host")?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.context("TLS failed")?;
    over(stream, request).await
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Bytes>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let (mut head, body) = request.into_parts();
    if let Some(authority) = head.uri.authority() {
        head.headers.insert(HOST, HeaderValue::from_str(authority.as_str())?);
    }
    head.uri = head.uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    let (head, body) = sender.send_request(Request::from_parts(head, Full::new(body))).await?.into_parts();
    let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| anyhow!(error))?;
    Ok((head.status, body.to_bytes()))
}
