//! A connection to a broker, encrypted or not.

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

/// What a broker's messages go over: left as it is, right by TLS, boxed because that is much larger.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;
