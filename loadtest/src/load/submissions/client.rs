//! A client of the API: one connection, which is opened again when it has ended.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use tokio::time::timeout;

use crate::load::http::{Answer, HttpConnection, NoAnswer};
use crate::load::target::Target;

/// A client.
pub(crate) struct Client {
    target: Target,
    timeout: Duration,
    connection: Option<HttpConnection>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Nobody got the request.
    NotSent,
    /// Somebody may have got it.
    Unknown,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    /// The `Idempotency-Key`.
    pub(crate) key: Option<&'a str>,
    pub(crate) body: Bytes,
}

impl<'a> Question<'a> {
    /// A GET.
    pub(crate) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, key: None, body: Bytes::new() }
    }

    /// A POST with this body.
    pub(crate) fn post(path: &'a str, body: Bytes) -> Self {
        Self { method: Method::POST, path, key: None, body }
    }
}

impl Client {
    /// A client that waits for an answer for this long.
    pub(crate) fn new(target: &Target, timeout: Duration) -> Self {
        Self { target: target.clone(), timeout, connection: None }
    }

    /// Asks, and returns the answer.
    ///
    /// # Errors
    /// When there is none in time.
    pub(crate) async fn ask(&mut self, question: &Question<'_>) -> Result<Answer, Silence> {
        let mut request = self.request(question);
        // The server may have closed an idle connection. A request that never left may leave on a new one.
        for _ in 0..2 {
            let mut open = match self.connection.take() {
                Some(open) => open,
                None => self.target.connect().await.map_err(|_| Silence::NotSent)?,
            };
            match timeout(self.timeout, open.send(request)).await {
                Ok(Ok(answer)) => {
                    self.connection = Some(open);
                    return Ok(answer);
                }
                Ok(Err(NoAnswer::NotSent(unsent))) => request = *unsent,
                Ok(Err(NoAnswer::CutOff)) | Err(_) => return Err(Silence::Unknown),
            }
        }
        Err(Silence::NotSent)
    }

    fn request(&self, question: &Question<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(question.body.clone()));
        *request.method_mut() = question.method.clone();
        *request.uri_mut() = self.target.path(question.path);
        let headers = request.headers_mut();
        if !question.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(key) = question.key {
            headers.insert("idempotency-key", HeaderValue::from_str(key).expect("a key of the lab is header text"));
        }
        self.target.dress(headers);
        request
    }
}
