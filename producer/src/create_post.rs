//! `POST /create-post`: one request from its head to its answer. Validity is judged before availability, so a bad post
//! is a 400 even while Kafka is away.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use contract::record::encode_value;
use contract::{Parser, PostId, TraceContext, created};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use kafka::publish::Publisher;
use service::Tracer;
use service::http::RequestBody;
use service::trace::{span_id, trace_id};

use crate::body::{BodyReader, HeldBody};
use crate::headers;
use crate::metrics::PostCounters;
use crate::record::{now_ms, record};
use crate::rejection::Rejection;
use crate::spans;

/// The path of single posts.
pub(crate) const PATH: &str = "/create-post";

thread_local! {
    /// One per thread: no request holds it across an await.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What one body reuses from the previous.
#[derive(Default)]
struct Scratch {
    parser: Parser,
    body: Vec<u8>,
}

/// The handler of single posts.
pub(crate) struct CreatePost {
    pub(crate) bodies: Arc<BodyReader>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) metrics: Arc<PostCounters>,
    pub(crate) tracer: Option<Tracer>,
}

impl CreatePost {
    pub(crate) async fn answer(&self, request: &mut Request<RequestBody>) -> Response<Full<Bytes>> {
        let client = headers::trace(request.headers());
        let span = self.tracer.as_ref().map(|tracer| spans::request(tracer, "POST /create-post", PATH, client));
        let outcome = self.create(request, span.as_ref().map_or(client, |span| Some(span.context()))).await;
        let response = match &outcome {
            Ok(id) => {
                self.metrics.accepted.increment(1);
                created(*id)
            }
            Err(rejection) => {
                self.metrics.rejected(rejection.reason(), 1);
                rejection.response()
            }
        };
        if let Some(span) = span {
            spans::answered(span, &outcome, response.status());
        }
        response
    }

    async fn create(
        &self,
        request: &mut Request<RequestBody>,
        trace: Option<TraceContext>,
    ) -> Result<PostId, Rejection> {
        let timestamp_ms = now_ms();
        // Read before anything is judged: if the body stayed unread, the connection could not serve the next request.
        let body = self.bodies.read(request.body_mut()).await?;
        check_content_type(request.headers())?;
        let key = headers::idempotency_key(request.headers())?;
        let (id, is_keyed) = (id_of(key)?, key.is_some());
        let value = value_of(body)?;
        let (partition, offset) = self.publisher.publish(record(id, is_keyed, value, timestamp_ms, trace)).await?;
        tracing::debug!(
            %id,
            topic = self.publisher.topic(),
            partition,
            offset,
            trace_id = trace_id(trace),
            span_id = span_id(trace),
            "Message sent to topic"
        );
        Ok(id)
    }
}

/// The record's value for a valid post. It is at most 7 KB, whatever the body's size, and the body is dropped.
fn value_of(mut body: HeldBody) -> Result<Vec<u8>, Rejection> {
    SCRATCH.with_borrow_mut(|Scratch { parser, body: scratch }| {
        let post = parser.parse(body.bytes_mut(scratch)).map_err(Rejection::Invalid)?;
        Ok(encode_value(&post))
    })
}

/// No content type at all counts as JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let is_json = headers::is_content_type(headers, "application/json").unwrap_or(true);
    if is_json { Ok(()) } else { Err(Rejection::ContentType) }
}

/// The id that an `Idempotency-Key` stands for, else a fresh one.
fn id_of(key: Option<&[u8]>) -> Result<PostId, Rejection> {
    match key {
        None => Ok(PostId::fresh()),
        Some(key) => PostId::from_idempotency_key(key).map_err(Rejection::IdempotencyKey),
    }
}

fn created(id: PostId) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(created::body(id))));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_only_content_type() {
        for accepted in [&[][..], &["application/json"], &["Application/JSON; charset=utf-8"]] {
            assert!(check_content_type(&headers::with("content-type", accepted)).is_ok(), "{accepted:?}");
        }
        for rejected in ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"] {
            assert!(check_content_type(&headers::with("content-type", &[rejected])).is_err(), "{rejected:?}");
        }
    }

    #[test]
    fn an_idempotency_key_fixes_the_id() {
        assert_eq!(id_of(Some(b"k1")).unwrap(), id_of(Some(b"k1")).unwrap());
        assert_ne!(id_of(None).unwrap(), id_of(None).unwrap());
        assert!(id_of(Some(b"a b")).is_err());
    }
}
