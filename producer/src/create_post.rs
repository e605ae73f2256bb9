//! `POST /create-post`: the way of one request, from its head to its answer. Validity is judged before availability, so a
//! bad post is a 400 even while Kafka is away.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use contract::{Parser, PostId, TraceContext, created, record};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use service::Tracer;
use service::http::RequestBody;

use crate::body::{BodyReader, HeldBody};
use crate::headers;
use crate::metrics::Metrics;
use crate::publisher::Publisher;
use crate::record::Publishing;
use crate::refusal::Refusal;
use crate::spans;

thread_local! {
    /// One a thread: no request holds it across an await.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What is reused from one body to the next.
#[derive(Default)]
struct Scratch {
    parser: Parser,
    body: Vec<u8>,
}

/// The handler of single posts.
pub(crate) struct CreatePost {
    pub(crate) bodies: Arc<BodyReader>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tracer: Option<Tracer>,
}

impl CreatePost {
    pub(crate) async fn answer(&self, request: &mut Request<RequestBody>) -> Response<Full<Bytes>> {
        let client = headers::trace(request.headers());
        let span = self.tracer.as_ref().map(|tracer| spans::request(tracer, &spans::CREATE_POST, client));
        let outcome = self.create(request, span.as_ref().map_or(client, |span| Some(span.context()))).await;
        let response = match &outcome {
            Ok(id) => {
                self.metrics.accepted.increment(1);
                created(*id)
            }
            Err(refusal) => {
                self.metrics.rejected(refusal, 1);
                refusal.response()
            }
        };
        if let Some(span) = span {
            spans::answered(span, &outcome, response.status());
        }
        response
    }

    async fn create(&self, request: &mut Request<RequestBody>, trace: Option<TraceContext>) -> Result<PostId, Refusal> {
        let timestamp_ms = now_ms();
        // Before anything is judged: with the body left unread, the connection could not serve the next request.
        let body = self.bodies.read(request.body_mut()).await?;
        check_content_type(request.headers())?;
        let key = headers::idempotency_key(request.headers())?;
        let (id, is_keyed) = (id_of(key)?, key.is_some());
        let value = value_of(body)?;
        self.publisher.publish(Publishing { id, value, timestamp_ms, trace }, is_keyed).await?;
        Ok(id)
    }
}

/// The record's value for a valid post. It is at most 7 KB, whatever the body's size, and the body is held no longer.
fn value_of(mut body: HeldBody) -> Result<Vec<u8>, Refusal> {
    SCRATCH.with_borrow_mut(|Scratch { parser, body: scratch }| {
        let post = parser.parse(body.bytes_mut(scratch)).map_err(Refusal::Invalid)?;
        Ok(record::encode_value(&post))
    })
}

/// No content type at all counts as JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_json = headers::is_content_type(headers, "application/json").unwrap_or(true);
    if is_json { Ok(()) } else { Err(Refusal::ContentType) }
}

/// The id that an `Idempotency-Key` stands for, else a fresh one.
fn id_of(key: Option<&[u8]>) -> Result<PostId, Refusal> {
    match key {
        None => Ok(PostId::fresh()),
        Some(key) => PostId::from_idempotency_key(key).map_err(Refusal::IdempotencyKey),
    }
}

fn created(id: PostId) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(created::body(id))));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The time of a record that is accepted now.
pub(crate) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_the_only_content_type() {
        for accepted in [&[][..], &["application/json"], &["Application/JSON; charset=utf-8"]] {
            assert!(check_content_type(&headers::with("content-type", accepted)).is_ok(), "{accepted:?}");
        }
        for refused in ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"] {
            assert!(check_content_type(&headers::with("content-type", &[refused])).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_idempotency_key_fixes_the_id() {
        assert_eq!(id_of(Some(b"k1")).unwrap(), id_of(Some(b"k1")).unwrap());
        assert_ne!(id_of(None).unwrap(), id_of(None).unwrap());
        assert!(id_of(Some(b"a b")).is_err());
    }
}
