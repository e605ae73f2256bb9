//! A form sent to an HTTP endpoint, once, over a connection of its own.

use std::time::Duration;

use anyhow::Context;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;

use super::stream::Stream;
use super::tls::TlsClient;

/// Longest time for all of it.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The limit of an answer.
const MAX_ANSWER_BYTES: usize = 256 << 10;

/// Posts a form with this `Authorization`, and returns the answer's status and body.
///
/// # Errors
/// When there is no answer within five seconds.
pub(super) async fn post(
    url: &str,
    authorization: &str,
    form: String,
    tls: &TlsClient,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let asking = ask(url, authorization, form, tls);
    let answered = tokio::time::timeout(TIMEOUT, asking).await;
    answered
        .with_context(|| format!("no answer within {TIMEOUT:?}"))
        .flatten()
        .with_context(|| format!("cannot ask {url}"))
}

async fn ask(url: &str, authorization: &str, form: String, tls: &TlsClient) -> anyhow::Result<(StatusCode, Bytes)> {
    let uri: Uri = url.parse().context("it is no URL")?;
    let is_encrypted = uri.scheme_str() == Some("https");
    let authority = uri.authority().context("it names no host")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await?;
    let stream = if is_encrypted { Stream::Tls(tls.encrypt(host, stream).await?) } else { Stream::Plain(stream) };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, authority.as_str())
        .header(AUTHORIZATION, authorization)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::new(Bytes::from(form)))
        .context("cannot make the request")?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(|error| anyhow::anyhow!(error))?;
    Ok((head.status, body.to_bytes()))
}
