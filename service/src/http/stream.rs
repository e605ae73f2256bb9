//! A client's stream, in the clear or encrypted. The deadline of writes is below TLS, because what TLS takes is not
//! sent yet.

use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::http::write_deadline::WriteDeadline;

/// The stream: left in the clear, right encrypted.
pub(super) type Stream = Either<WriteDeadline<TcpStream>, Box<TlsStream<WriteDeadline<TcpStream>>>>;
