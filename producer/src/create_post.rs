//! `POST /create-post`: the way of one request, from its head to its answer. Validity is judged before availability, so a
//! bad post is a 400 even while Kafka is away.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use contract::{Parser, PostId, TraceContext, record};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use service::Tracer;
use service::http::Handler;

use crate::body::{BodyReader, HeldBody};
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

/// The handler of the one route.
pub(crate) struct CreatePost {
    publisher: Arc<Publisher>,
    metrics: Arc<Metrics>,
    bodies: BodyReader,
    tracer: Option<Tracer>,
}

impl Handler for CreatePost {
    const ROUTES: &'static [(&'static str, Method)] = &[("/create-post", Method::POST)];

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let client = request.headers().get(record::TRACEPARENT_HEADER);
        let client = client.and_then(|value| TraceContext::parse(value.as_bytes()));
        let span = self.tracer.as_ref().map(|tracer| spans::request(tracer, client));
        let outcome = self.create(request, span.as_ref().map_or(client, |span| Some(span.context()))).await;
        let response = match &outcome {
            Ok(id) => {
                self.metrics.accepted.increment(1);
                created(*id)
            }
            Err(refusal) => {
                self.metrics.rejected(refusal);
                refusal.response()
            }
        };
        if let Some(span) = span {
            spans::answered(span, &outcome, response.status());
        }
        response
    }
}

impl CreatePost {
    pub(crate) fn new(
        bodies: BodyReader,
        publisher: Arc<Publisher>,
        metrics: Arc<Metrics>,
        tracer: Option<Tracer>,
    ) -> Self {
        Self { publisher, metrics, bodies, tracer }
    }

    async fn create(&self, request: Request<Incoming>, trace: Option<TraceContext>) -> Result<PostId, Refusal> {
        let timestamp_ms = now_ms();
        let (head, body) = request.into_parts();
        // Before anything is judged: with the body left unread, the connection could not serve the next request.
        let body = self.bodies.read(body).await?;
        check_content_type(&head.headers)?;
        let id = id_of(&head.headers)?;
        let value = value_of(body)?;
        self.publisher.publish(Publishing { id, value, timestamp_ms, trace }).await?;
        Ok(id)
    }
}

/// The record's value for a valid post. It is at most 7 KB, whatever the body's size, and the body is held no longer.
fn value_of(mut body: HeldBody<'_>) -> Result<Vec<u8>, Refusal> {
    SCRATCH.with_borrow_mut(|Scratch { parser, body: scratch }| {
        let post = parser.parse(body.bytes_mut(scratch)).map_err(Refusal::Invalid)?;
        Ok(record::encode_value(&post))
    })
}

/// No content type at all counts as JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let media_type = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Refusal::ContentType) }
}

/// The id that an `Idempotency-Key` stands for, else a fresh one.
fn id_of(headers: &HeaderMap) -> Result<PostId, Refusal> {
    let mut keys = headers.get_all("idempotency-key").iter();
    match (keys.next(), keys.next()) {
        (None, _) => Ok(PostId::fresh()),
        (Some(key), None) => PostId::from_idempotency_key(key.as_bytes()).map_err(Refusal::IdempotencyKey),
        (Some(_), Some(_)) => Err(Refusal::IdempotencyKey("must be given only once")),
    }
}

fn created(id: PostId) -> Response<Full<Bytes>> {
    let body = [&br#"{"message":"Post created successfully","id":""#[..], &id.to_key(), br#""}"#].concat();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::CREATED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn json_is_the_only_content_type() {
        for accepted in [&[][..], &["application/json"], &["Application/JSON; charset=utf-8"]] {
            assert!(check_content_type(&headers("content-type", accepted)).is_ok(), "{accepted:?}");
        }
        for refused in ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"] {
            assert!(check_content_type(&headers("content-type", &[refused])).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn an_idempotency_key_fixes_the_id() {
        let key = headers("idempotency-key", &["k1"]);
        assert_eq!(id_of(&key).unwrap(), id_of(&key).unwrap());
        assert_ne!(id_of(&HeaderMap::new()).unwrap(), id_of(&HeaderMap::new()).unwrap());
        assert!(id_of(&headers("idempotency-key", &["k1", "k1"])).is_err());
        assert!(id_of(&headers("idempotency-key", &["a b"])).is_err());
    }
}
