//! The HTTP client of the exporter: hyper's, on the service's own runtime.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, Response};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;

/// The longest time for one request.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The limit of an answer, in bytes; a receiver's usual answer has a few.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Sends requests from a thread that is not the runtime's.
#[derive(Debug)]
pub(super) struct Client {
    runtime: Handle,
    client: legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client that works on the current runtime.
    pub(super) fn new() -> Self {
        Self { runtime: Handle::current(), client: legacy::Client::builder(TokioExecutor::new()).build_http() }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let asked = self.client.request(request.map(Full::new));
        let answered = async {
            let (head, body) = asked.await?.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await?.to_bytes();
            Ok::<_, Box<dyn Error + Send + Sync>>(Response::from_parts(head, body))
        };
        // The SDK's thread has no sockets and no timers, so the runtime does the work and the thread waits.
        let answered = self.runtime.spawn(async { tokio::time::timeout(TIMEOUT, answered).await });
        answered.await??
    }
}
