//! A client's keep-alive HTTP/1.1 connection, on hyper. The task that waits for an answer also drives the connection:
//! there is no second task to wake for each request, and messages between hyper's two halves wake nobody. The result
//! distinguishes what a load test must distinguish: a request that certainly never left, so that it may be sent again,
//! and a request that may have arrived.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use service::http::bell::{Bell, muted};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use crate::load::secure::Secure;

/// Longest wait for anything small: a connection, a page of metrics.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest body of an answer, in bytes; a page of metrics has some 20 KiB.
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The connection was closed before anything was sent; this returns the request.
    NotSent(Box<Request<Full<Bytes>>>),
    /// The connection ended before the answer was complete.
    CutOff,
}

/// What carries it: left in the clear, right encrypted.
type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// An open connection.
pub(crate) struct HttpConnection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended. It is dropped then, because dropping it fails a request that still waits.
    driver: Option<http1::Connection<TokioIo<Stream>, Full<Bytes>>>,
    bell: Bell,
}

impl HttpConnection {
    /// Connects, over TLS if `secure` says how.
    ///
    /// # Errors
    /// When there is no connection within [`ANSWER_TIMEOUT`].
    pub(crate) async fn open(address: SocketAddr, secure: Option<&Secure>) -> io::Result<Self> {
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            match secure {
                None => Ok(Either::Left(stream)),
                Some(secure) => Ok(Either::Right(Box::new(secure.connect(stream).await?))),
            }
        };
        let stream = timeout(ANSWER_TIMEOUT, connecting).await.map_err(io::Error::from).flatten()?;
        // Posts are short: copied behind their head they cost less than a vectored write.
        let handshake = http1::Builder::new().writev(false).handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(io::Error::other)?;
        Ok(Self { sender, driver: Some(driver), bell: Bell::default() })
    }

    /// Sends a request and waits for the whole answer, without a deadline of its own. After an error, or if this was
    /// dropped before it finished, the connection cannot be used again.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let Self { sender, driver, bell } = self;
        let exchange = async {
            if sender.ready().await.is_err() {
                return Err(NoAnswer::NotSent(Box::new(request)));
            }
            let response = sender.try_send_request(request).await.map_err(|mut error| {
                let unsent = error.take_message();
                unsent.map_or(NoAnswer::CutOff, |request| NoAnswer::NotSent(Box::new(request)))
            })?;
            read(response).await
        };
        // This waits for nothing but the driver, and is polled after it each time: so it needs no waker, and must not
        // use up the task's budget, because then it would need one.
        let mut exchange = pin!(unconstrained(exchange));
        poll_fn(|context| {
            let mut without_waker = Context::from_waker(Waker::noop());
            let mut is_driven = false;
            loop {
                let (answer, has_rung) = muted(|| exchange.as_mut().poll(&mut without_waker));
                if answer.is_ready() || (is_driven && !has_rung) {
                    return answer;
                }
                let ended = driver.as_mut().is_some_and(|driver| bell.poll(Pin::new(driver), context).is_ready());
                if ended {
                    *driver = None;
                }
                is_driven = true;
            }
        })
        .await
    }
}

async fn read(response: Response<Incoming>) -> Result<Answer, NoAnswer> {
    let (head, mut body) = response.into_parts();
    let first = match body.frame().await {
        Some(frame) => frame.map_err(|_| NoAnswer::CutOff)?.into_data().unwrap_or_default(),
        None => Bytes::new(),
    };
    if body.is_end_stream() {
        // Short answers come in one piece, which is not copied.
        return Ok(Answer { status: head.status, body: first });
    }
    let rest = Limited::new(body, LONGEST_BODY).collect().await.map_err(|_| NoAnswer::CutOff)?.to_bytes();
    Ok(Answer { status: head.status, body: [first, rest].concat().into() })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const HEAD: &str = "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n";

    /// Answers each request in turn with these writes, each of which gets time to leave on its own.
    async fn server(answers: Vec<Vec<String>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for writes in answers {
                while stream.read(&mut [0; 1024]).await.unwrap() == 1024 {}
                for write in writes {
                    stream.write_all(write.as_bytes()).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
        address
    }

    fn chunk(length: usize) -> String {
        format!("{length:x}\r\n{}\r\n", "a".repeat(length))
    }

    #[tokio::test]
    async fn an_answer_is_whole_however_it_arrives() {
        let (many, large, end) = (chunk(1).repeat(1000), chunk(1_000_000), chunk(0));
        let answers = vec![
            vec![format!("{HEAD}{many}{end}")],
            vec![HEAD.to_owned(), chunk(3), many.clone(), chunk(3), end.clone()],
            vec![format!("{HEAD}{large}"), large.clone() + &end],
            "HTTP/1.1 201 Created\r\ncontent-length: 3\r\n\r\nabc".split_inclusive(' ').map(str::to_owned).collect(),
            vec!["HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n".to_owned()],
        ];
        let mut connection = HttpConnection::open(server(answers).await, None).await.unwrap();
        for length in [1000, 1006, 2_000_000, 3, 0] {
            let answer = connection.send(Request::new(Full::default())).await.unwrap();
            assert_eq!((answer.status, answer.body.len()), (StatusCode::CREATED, length));
        }
        let closed = connection.send(Request::new(Full::default())).await;
        assert!(closed.is_err(), "the server has gone: {closed:?}");
    }
}
