//! `POST /create-posts`, `POST /api/orders/bulk` and the like: a bulk of one kind from its head to its answer. It is
//! read whole and judged record by record; only then are the valid ones published, as room appears for them.

use std::sync::Arc;

use bytes::Bytes;
use contract::{Bulk, BulkFormat, BulkIds, BulkLimits, Kind, Order, OrderBulk, SchemaBulk, TraceContext, Write};
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use kafka::publish::{Fate, PublishError, Record};
use service::auth::Caller;
use service::http::RequestBody;
use service::http::body::CollectedBody;
use service::trace::{span_id, trace_id};
use tokio::sync::Semaphore;

use crate::ingress::Ingress;
use crate::kind_publisher::KindPublisher;
use crate::order_log::BulkLog;
use crate::record::{self, now_ms};
use crate::rejection::{Rejection, RejectionReason};
use crate::{audited, headers, spans};

mod answer;
mod judge;

use answer::BulkAnswer;
pub(crate) use judge::MAX_RECORDS;
use judge::{Judged, judge_inserted, judge_keyed, judge_orders, judge_posts};

/// The path of bulks of posts.
pub(crate) const POSTS_PATH: &str = "/create-posts";

/// The path of bulks of orders.
pub(crate) const ORDERS_PATH: &str = "/api/orders/bulk";

/// The handler of the bulks of one kind.
pub(crate) struct CreateBulk {
    pub(crate) ingress: Arc<Ingress>,
    pub(crate) publisher: KindPublisher,
    /// Method and path, as spans name them.
    pub(crate) name: &'static str,
    /// The most bytes of each record: the limit of a single one.
    pub(crate) max_record_bytes: usize,
    /// A permit for each bulk that may be judged at the same time; all kinds share them.
    pub(crate) judging: Arc<Semaphore>,
}

/// A bulk that is rejected as a whole.
struct RejectedBulk {
    why: Rejection,
    /// How many records are rejected for that reason; 1 if nobody knows.
    records: usize,
    /// How many others break the rules.
    invalid: usize,
}

impl From<Rejection> for RejectedBulk {
    fn from(why: Rejection) -> Self {
        Self { why, records: 1, invalid: 0 }
    }
}

impl CreateBulk {
    pub(crate) async fn answer(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Response<Full<Bytes>> {
        let (span, trace) = self.ingress.begin(self.name, self.ingress.kind.bulk_route(), request.headers());
        let outcome = self.create(request, caller, trace).await;
        let counters = &self.ingress.counters;
        let (response, accepted, rejected, unknown, reason) = match outcome {
            Ok(answer) => {
                self.count(&answer);
                let rejected = answer.rejected();
                (answer.response, answer.accepted, rejected, answer.unknown, None)
            }
            Err(RejectedBulk { why, records, invalid }) => {
                counters.rejected(why.reason(), records);
                counters.rejected(RejectionReason::Invalid, invalid);
                let unknown = if why.reason() == RejectionReason::Unacknowledged { records } else { 0 };
                (why.response(self.ingress.noun()), 0, records + invalid, unknown, Some(why.reason()))
            }
        };
        audited::bulk(caller, accepted, rejected, unknown, trace);
        if let Some(span) = span {
            spans::bulk_answered(span, self.ingress.kind, accepted, rejected, reason, response.status());
        }
        response
    }

    fn count(&self, answer: &BulkAnswer) {
        let counters = &self.ingress.counters;
        counters.accepted.increment(answer.accepted as u64);
        counters.rejected(RejectionReason::Invalid, answer.invalid);
        counters.rejected(RejectionReason::Unacknowledged, answer.unknown);
        counters.rejected(RejectionReason::KafkaAway, answer.away);
        counters.rejected(RejectionReason::IdempotencyConflict, answer.conflicts);
        counters.rejected(RejectionReason::TooLarge, answer.too_large);
    }

    async fn create(
        &self,
        request: &mut Request<RequestBody>,
        caller: &Caller,
        trace: Option<TraceContext>,
    ) -> Result<BulkAnswer, RejectedBulk> {
        let timestamp_ms = now_ms();
        // Read before anything is judged: if the body stayed unread, the connection could not serve the next request.
        let body = self.ingress.bodies.read_bulk(request).await.map_err(Rejection::from)?;
        let CollectedBody { bytes, mut share } = body;
        let format = headers::bulk_format(request.headers())?;
        let (records, results) = self.judge(bytes, format, (request.headers(), caller), timestamp_ms, trace).await?;
        let (count, invalid) = (records.len(), results.invalid());
        let rejected = |why| RejectedBulk { why, records: count, invalid };
        // The first one was counted before the bulk was read.
        let more = (count + invalid).saturating_sub(1);
        caller.take_rest(self.ingress.kind.name(), more).map_err(|limited| rejected(Rejection::Limited(limited)))?;
        // The body is gone; from here on the share is for the records, which may wait for room, and for the answer.
        let (budget, answer_bytes) = (self.ingress.bodies.budget(), results.max_answer_bytes());
        let record_bytes: usize = records.iter().map(Record::encoded_bytes).sum();
        budget.resize(&mut share, record_bytes + answer_bytes).map_err(|full| rejected(full.into()))?;
        let log = BulkLog::of(self.ingress.kind, &records);
        audited::hands_on(caller, records.len(), trace);
        let fates = self.publish(records, caller).await.map_err(|why| {
            log.all_rejected(why.reason(), trace);
            rejected(why)
        })?;
        // It gets smaller, which cannot fail.
        budget.resize(&mut share, answer_bytes).ok();
        log.settled(&fates, self.publisher.topic(), trace);
        let answer = results.answer(&fates, share);
        // What becomes of orders is logged one by one.
        if answer.accepted > 0 && self.ingress.kind != Kind::Order {
            tracing::debug!(
                kind = self.ingress.kind.name(),
                records = answer.accepted,
                topic = self.publisher.topic(),
                trace_id = trace_id(trace),
                span_id = span_id(trace),
                "Messages sent to topic"
            );
        }
        Ok(answer)
    }

    /// The valid records, and the result of each one as far as it is known.
    async fn judge(
        &self,
        bytes: Vec<u8>,
        format: BulkFormat,
        (headers, caller): (&HeaderMap, &Caller),
        timestamp_ms: i64,
        trace: Option<TraceContext>,
    ) -> Result<Judged, Rejection> {
        let _place = self.judging.acquire().await;
        let limits = BulkLimits { records: MAX_RECORDS, record_bytes: self.max_record_bytes };
        match self.ingress.kind {
            Kind::Post => {
                let (ids, is_keyed) = ids_of(headers, caller)?;
                let record_of = |id, value| record::inserted(id, is_keyed, value, timestamp_ms, trace);
                judge_posts(Bulk::new(bytes, format, limits), &ids, record_of).await
            }
            Kind::Order => {
                let record_of = |order: &Order| record::of_order(order, timestamp_ms, trace);
                judge_orders(OrderBulk::new(bytes, format, limits, timestamp_ms), record_of).await
            }
            Kind::Schema(kind) => {
                let bulk = SchemaBulk::new(kind, bytes, format, limits);
                match kind.write() {
                    Write::Insert => {
                        let (ids, is_keyed) = ids_of(headers, caller)?;
                        let record_of = |id, value| record::inserted(id, is_keyed, value, timestamp_ms, trace);
                        judge_inserted(kind, bulk, &ids, record_of).await
                    }
                    Write::Upsert => {
                        judge_keyed(kind, bulk, |key, record| record::keyed(key, record, timestamp_ms, trace)).await
                    }
                }
            }
        }
    }

    async fn publish(&self, records: Vec<Record>, caller: &Caller) -> Result<Vec<Fate>, Rejection> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let held = caller.held(self.ingress.kind.name());
        self.publisher.publish_bulk(records, held).await.map_err(|error| match error {
            PublishError::Unacknowledged => Rejection::BulkUnacknowledged,
            error => error.into(),
        })
    }
}

/// The ids that the caller's `Idempotency-Key` stands for, else fresh ones, and whether it has such a key.
fn ids_of(headers: &HeaderMap, caller: &Caller) -> Result<(BulkIds, bool), Rejection> {
    match headers::idempotency_key(headers)? {
        None => Ok((BulkIds::fresh(), false)),
        Some(key) => {
            let ids = BulkIds::from_idempotency_key_of(caller.name(), key);
            Ok((ids.map_err(Rejection::IdempotencyKey)?, true))
        }
    }
}
