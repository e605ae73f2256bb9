//! A keep-alive HTTP/1.1 connection of a client, on hyper. The connection is driven by whoever waits for an answer, in the
//! same task: there is no second task to wake for each request. What it answers tells apart what a load test must tell
//! apart: a request that certainly never left, so that it may be sent again, and one that may have arrived.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest wait for anything small: a connection, a page of metrics.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest body of an answer, in bytes; a page of metrics is some 20 KiB.
const LONGEST_BODY: usize = 4 * 1024 * 1024;

/// An answer, complete.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The connection was closed before anything was sent; here is the request back.
    NotSent(Box<Request<Full<Bytes>>>),
    /// The connection ended before the answer was complete.
    CutOff,
}

/// An open connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// `None` once it has ended. It is dropped then, because dropping it is what fails a request that still waits.
    driver: Option<http1::Connection<TokioIo<TcpStream>, Full<Bytes>>>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When there is no connection within [`ANSWER_TIMEOUT`].
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = timeout(ANSWER_TIMEOUT, TcpStream::connect(address)).await??;
        stream.set_nodelay(true)?;
        // Posts are short: copied behind their head they cost less than a vectored write.
        let handshake = http1::Builder::new().writev(false).handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(io::Error::other)?;
        Ok(Self { sender, driver: Some(driver) })
    }

    /// Sends a request and waits for the whole answer, without a deadline of its own. After an error, and after this was
    /// dropped before its end, the connection is of no use any more.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let Self { sender, driver } = self;
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
        let mut exchange = pin!(exchange);
        poll_fn(|context| {
            if let Poll::Ready(answer) = exchange.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            let ended = driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(context).is_ready());
            if ended {
                *driver = None;
            }
            exchange.as_mut().poll(context)
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
