//! `POST /create-post`: one request from its head to its answer. Validity is judged before availability, so a bad post
//! is a 400 even while Kafka is away.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use contract::record::encode_value;
use contract::{Kind, Parser, PostId, TraceContext, created};
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};
use kafka::publish::BatchedPublisher;
use service::auth::Caller;
use service::http::body::HeldBody;
use service::http::{RequestBody, json};
use service::trace::{span_id, trace_id};

use crate::ingress::Ingress;
use crate::record::{self, now_ms};
use crate::rejection::Rejection;
use crate::{audited, headers, spans};

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
    pub(crate) ingress: Arc<Ingress>,
    pub(crate) publisher: Arc<BatchedPublisher>,
}

impl CreatePost {
    pub(crate) async fn answer(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Response<Full<Bytes>> {
        let (span, trace) = self.ingress.begin("POST /create-post", PATH, request.headers());
        let outcome = self.create(request, caller, trace).await;
        audited::single(caller, outcome.as_ref().map(drop), trace);
        let response = match &outcome {
            Ok(id) => {
                self.ingress.counters.accepted.increment(1);
                created(*id)
            }
            Err(rejection) => self.ingress.reject(rejection),
        };
        if let Some(span) = span {
            spans::post_answered(span, &outcome, response.status());
        }
        response
    }

    async fn create(
        &self,
        request: &mut Request<RequestBody>,
        caller: &Caller,
        trace: Option<TraceContext>,
    ) -> Result<PostId, Rejection> {
        let timestamp_ms = now_ms();
        // Read before anything is judged: if the body stayed unread, the connection could not serve the next request.
        let body = self.ingress.bodies.read(request).await?;
        headers::check_json(request.headers())?;
        let key = headers::idempotency_key(request.headers())?;
        let (id, is_keyed) = (id_of(caller, key)?, key.is_some());
        let value = value_of(body)?;
        audited::hands_on(caller, 1, trace);
        let held = caller.held(Kind::Post.name());
        let (partition, offset) =
            self.publisher.publish_of(record::inserted(id, is_keyed, value, timestamp_ms, trace), held).await?;
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

/// The id that the caller's `Idempotency-Key` stands for, else a fresh one.
pub(crate) fn id_of(caller: &Caller, key: Option<&[u8]>) -> Result<PostId, Rejection> {
    match key {
        None => Ok(PostId::fresh()),
        Some(key) => PostId::from_idempotency_key_of(caller.name(), key).map_err(Rejection::IdempotencyKey),
    }
}

fn created(id: PostId) -> Response<Full<Bytes>> {
    json(StatusCode::CREATED, created::body(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idempotency_key_fixes_the_id() {
        let id_of = |key| id_of(&Caller::open([127, 0, 0, 1].into()), key);
        assert_eq!(id_of(Some(b"k1")).unwrap(), id_of(Some(b"k1")).unwrap());
        assert_ne!(id_of(None).unwrap(), id_of(None).unwrap());
        assert!(id_of(Some(b"a b")).is_err());
    }
}
