//! Where posts go: `http://host:port` or `https://host:port`, resolved once, so that no request waits for a name
//! server.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use http_body_util::Full;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::base::exit::Unusable;
use crate::load::access::Access;
use crate::load::http::{ANSWER_TIMEOUT, Answer, HttpConnection};
use crate::load::secure::Secure;

#[cfg(test)]
pub(crate) mod accepting;

/// An HTTP server that takes posts.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The address to connect to.
    pub(crate) address: SocketAddr,
    /// The `Host` header.
    pub(crate) host: HeaderValue,
    /// What comes before `/create-post` and `/metrics`; empty for a server of its own.
    pub(crate) base_path: String,
    /// How its connections are encrypted, if they are.
    secure: Option<Secure>,
    access: Arc<Access>,
}

impl Target {
    /// A server on this machine.
    pub(crate) fn local(port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let host = HeaderValue::from_str(&address.to_string()).expect("digits, dots and a colon are header text");
        Self { address, host, base_path: String::new(), secure: None, access: Arc::default() }
    }

    /// The same server for requests that carry what `access` says, over TLS if it names whom to trust.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub(crate) fn with_access(self, access: &Arc<Access>) -> anyhow::Result<Self> {
        let address = self.address.ip().to_string();
        let secure = access.files.ca.is_some().then(|| Secure::new(&access.files, &address)).transpose()?;
        Ok(Self { secure, access: Arc::clone(access), ..self })
    }

    /// The server that this option's URL names, for requests that carry what `access` says.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the URL, that nothing answers there, or why there is no TLS connection.
    pub(crate) async fn resolve(option: &str, url: &str, access: Arc<Access>) -> anyhow::Result<Self> {
        let wrong = || Unusable(format!("{option} must be a URL such as http://localhost:3000, not `{url}`"));
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let (Some(scheme @ ("http" | "https")), Some(authority), None) =
            (uri.scheme_str(), uri.authority(), uri.query())
        else {
            bail!(wrong());
        };
        let base_path = uri.path().trim_end_matches('/').trim_end_matches("/create-post").to_owned();
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| wrong())?;
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let secure = (scheme == "https").then(|| Secure::new(&access.files, name)).transpose()?;
        if secure.is_none() && (access.files.ca.is_some() || access.files.own.is_some()) && option == "--target" {
            let why = "--ca and --client-certificate are for a URL that begins with https://";
            bail!(Unusable(format!("{option} is {url}, but {why}")));
        }
        let usual_port = if secure.is_some() { 443 } else { 80 };
        let (stream, address) = answering(option, name, authority.port_u16().unwrap_or(usual_port)).await?;
        if let Some(secure) = &secure {
            let checked = timeout(ANSWER_TIMEOUT, secure.check(stream)).await.context("no answer in time");
            checked.flatten().with_context(|| format!("cannot reach {url} of {option}"))?;
        }
        Ok(Self { address, host, base_path, secure, access })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When there is none within [`ANSWER_TIMEOUT`].
    pub(crate) async fn connect(&self) -> io::Result<HttpConnection> {
        HttpConnection::open(self.address, self.secure.as_ref()).await
    }

    /// Whether its connections are encrypted.
    pub(crate) fn is_secure(&self) -> bool {
        self.secure.is_some()
    }

    /// Adds the headers that every request to this server carries.
    pub(crate) fn dress(&self, headers: &mut HeaderMap) {
        headers.insert(HOST, self.host.clone());
        self.access.dress(headers);
    }

    /// The path of something that the server offers, such as `/create-post`.
    pub(crate) fn path(&self, path: &str) -> Uri {
        let path = format!("{}{path}", self.base_path);
        path.parse().expect("a URL's path followed by a plain word is a path")
    }

    /// Gets a page such as `/metrics` over a connection of its own.
    ///
    /// # Errors
    /// When there is no complete answer within [`ANSWER_TIMEOUT`].
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask(Method::GET, path, String::new()).await
    }

    /// Sends one request over a connection of its own.
    ///
    /// # Errors
    /// When there is no complete answer within [`ANSWER_TIMEOUT`].
    pub(crate) async fn ask(&self, method: Method, path: &str, body: String) -> anyhow::Result<Answer> {
        let answer = timeout(ANSWER_TIMEOUT, async {
            let mut connection = self.connect().await?;
            let request = Request::builder().method(method).uri(self.path(path));
            let mut request = request.body(Full::from(body))?;
            self.dress(request.headers_mut());
            connection.send(request).await.map_err(|_| anyhow!("the connection was cut off"))
        });
        answer.await.with_context(|| format!("no answer within {ANSWER_TIMEOUT:?}"))?
    }
}

/// The first of a name's addresses that accepts a connection: `localhost` often has two.
async fn answering(option: &str, name: &str, port: u16) -> anyhow::Result<(TcpStream, SocketAddr)> {
    let resolved = timeout(ANSWER_TIMEOUT, tokio::net::lookup_host((name, port))).await;
    let addresses = resolved.context("no answer in time").and_then(|found| Ok(found?));
    for address in addresses.with_context(|| format!("cannot find the host {name} of {option}"))? {
        if let Ok(Ok(stream)) = timeout(ANSWER_TIMEOUT, TcpStream::connect(address)).await {
            return Ok((stream, address));
        }
    }
    bail!("nothing answers on port {port} of {name}: start the server there, or correct {option}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_names_address_host_and_path() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let target =
            Target::resolve("--target", &format!("http://localhost:{port}/api/"), Arc::default()).await.unwrap();
        assert_eq!(target.address.port(), port);
        assert_eq!(target.host, format!("localhost:{port}"));
        assert_eq!(target.path("/create-post"), "/api/create-post");
        let target =
            Target::resolve("--target", &format!("http://127.0.0.1:{port}/create-post"), Arc::default()).await.unwrap();
        assert_eq!(target.path("/create-post"), "/create-post");
    }

    #[tokio::test]
    async fn a_wrong_url_is_an_error() {
        for wrong in ["", "localhost", "ftp://localhost:3000", "http://localhost:3000/?a=b", "3000"] {
            let error = Target::resolve("--target", wrong, Arc::default()).await.unwrap_err().to_string();
            assert!(error.contains("must be a URL such as http://localhost:3000"), "{wrong}: {error}");
        }
    }
}
