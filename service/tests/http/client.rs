//! Raw clients, in the clear and over TLS: they send bytes as they are, so that a test sees what a library would hide.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use stack::certificates::{Authority, Certificate};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

/// Longest wait for anything that must happen; generous, because only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both versions, the newer one first.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

/// Waits for `future`, but not forever.
pub(crate) async fn within_patience<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: nothing happened within {PATIENCE:?}"),
    }
}

/// A GET of this path.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n")
}

/// The head of a POST with a body of this length.
pub(crate) fn post(path: &str, length: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n")
}

/// A client's stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// How clients connect: in the clear, or over TLS.
#[derive(Clone)]
pub(crate) struct How(Option<Arc<ClientConfig>>);

impl How {
    pub(crate) fn plain() -> Self {
        Self(None)
    }

    /// Over TLS with a server that this authority vouches for.
    pub(crate) fn tls(authority: &Authority) -> Self {
        Self::with(authority, None, &VERSIONS, &[])
    }

    /// The same, and the client shows this certificate.
    pub(crate) fn mutual(authority: &Authority, own: &Certificate) -> Self {
        Self::with(authority, Some(own), &VERSIONS, &[])
    }

    pub(crate) fn with(
        authority: &Authority,
        own: Option<&Certificate>,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
        let mut config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = CertificateDer::pem_slice_iter(own.chain.as_bytes()).map(Result::unwrap).collect();
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self(Some(Arc::new(config)))
    }

    /// A connection that takes little at a time.
    pub(crate) async fn connect(&self, address: SocketAddr) -> Box<dyn Stream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let stream = within_patience("connecting", socket.connect(address)).await.unwrap();
        match &self.0 {
            None => Box::new(stream),
            Some(_) => Box::new(within_patience("a handshake", self.shake(stream)).await.unwrap()),
        }
    }

    /// An encrypted connection.
    pub(crate) async fn encrypted(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let stream = within_patience("connecting", TcpStream::connect(address)).await.unwrap();
        within_patience("a handshake", self.shake(stream)).await
    }

    async fn shake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(self.0.as_ref().unwrap()));
        connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

/// Sends a request and reads the head of its answer, and as much of its body as is there.
pub(crate) async fn ask(stream: &mut (impl Stream + ?Sized), request: &str) -> io::Result<String> {
    within_patience("an answer", async {
        stream.write_all(request.as_bytes()).await?;
        stream.flush().await?;
        answer(stream).await
    })
    .await
}

/// Reads an answer with a known length.
pub(crate) async fn answer(stream: &mut (impl Stream + ?Sized)) -> io::Result<String> {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(text);
            }
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
    }
}

/// Reads until the connection ends cleanly, without a reset, and over TLS with its own end.
pub(crate) async fn rest(stream: &mut (impl Stream + ?Sized)) -> io::Result<String> {
    let mut received = Vec::new();
    within_patience("the connection's end", stream.read_to_end(&mut received)).await?;
    Ok(String::from_utf8(received).unwrap())
}
