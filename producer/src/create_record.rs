//! The route of a kind that a file describes: one record from the request's head to its answer. Its value is what the
//! client sent, byte for byte. Validity is judged before availability.

use std::sync::Arc;

use bytes::Bytes;
use contract::{SchemaKind, TraceContext, Write, created};
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::{Request, Response, StatusCode};
use kafka::publish::Record;
use service::auth::Caller;
use service::http::{RequestBody, json};
use service::trace::{span_id, trace_id};

use crate::create_post::id_of;
use crate::ingress::Ingress;
use crate::kind_publisher::KindPublisher;
use crate::record::{self, now_ms};
use crate::rejection::Rejection;
use crate::{audited, headers, spans};

/// The handler of single records of a kind.
pub(crate) struct CreateRecord {
    pub(crate) kind: &'static SchemaKind,
    /// Method and path, as spans name them.
    pub(crate) name: &'static str,
    pub(crate) ingress: Arc<Ingress>,
    pub(crate) publisher: KindPublisher,
}

/// A record that Kafka has acknowledged.
struct Sent {
    /// The id that it was given, or its key.
    id: String,
    /// Its partition and offset.
    place: (i32, i64),
}

impl CreateRecord {
    pub(crate) async fn answer(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Response<Full<Bytes>> {
        let (span, trace) = self.ingress.begin(self.name, self.kind.route(), request.headers());
        let outcome = self.create(request, caller, trace).await;
        audited::single(caller, outcome.as_ref().map(drop), trace);
        let response = match &outcome {
            Ok(sent) => {
                self.ingress.counters.accepted.increment(1);
                json(StatusCode::CREATED, created::record_body(self.kind, &sent.id))
            }
            Err(rejection) => self.ingress.reject(rejection),
        };
        if let Some(span) = span {
            let outcome = outcome.as_ref().map(|sent| sent.place);
            spans::record_answered(span, self.ingress.kind, outcome, response.status());
        }
        response
    }

    async fn create(
        &self,
        request: &mut Request<RequestBody>,
        caller: &Caller,
        trace: Option<TraceContext>,
    ) -> Result<Sent, Rejection> {
        let timestamp_ms = now_ms();
        // Read before anything is judged: if the body stayed unread, the connection could not serve the next request.
        let body = self.ingress.bodies.read(request).await?;
        headers::check_json(request.headers())?;
        let (id, record) = self.record(request.headers(), caller, body.bytes(), timestamp_ms, trace)?;
        // Nobody needs it any more, and it may hold much of the budget.
        drop(body);
        audited::hands_on(caller, 1, trace);
        let place = self.publisher.publish(record, caller.held(self.kind.name())).await?;
        let (partition, offset) = place;
        tracing::debug!(
            kind = self.kind.name(),
            id,
            topic = self.publisher.topic(),
            partition,
            offset,
            trace_id = trace_id(trace),
            span_id = span_id(trace),
            "record sent to topic"
        );
        Ok(Sent { id, place })
    }

    /// The valid record of a body, and its id.
    fn record(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
        body: &[u8],
        timestamp_ms: i64,
        trace: Option<TraceContext>,
    ) -> Result<(String, Record), Rejection> {
        match self.kind.write() {
            Write::Insert => {
                let key = headers::idempotency_key(headers)?;
                let (id, is_keyed) = (id_of(caller, key)?, key.is_some());
                let value = self.kind.judge(body).map_err(Rejection::Invalid)?.value().to_vec();
                Ok((id.to_string(), record::inserted(id, is_keyed, value, timestamp_ms, trace)))
            }
            // An `Idempotency-Key` is ignored: a record that is sent again replaces itself.
            Write::Upsert => {
                let judged = self.kind.judge(body).map_err(Rejection::Invalid)?;
                let key = judged.required_key().map_err(Rejection::Invalid)?;
                Ok((key.to_owned(), record::keyed(key, &judged, timestamp_ms, trace)))
            }
        }
    }
}
