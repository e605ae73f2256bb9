//! `POST /create-posts`: a bulk from its head to its answer. It is read whole and judged post by post; only then are
//! the valid posts published: all of them or, if there is no room, none.

use std::sync::Arc;

use bytes::Bytes;
use contract::record::encode_value;
use contract::{Bulk, BulkError, BulkFormat, BulkIds, BulkLimits, PostId, TraceContext};
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use kafka::publish::{Fate, PublishError, Publisher, Record};
use service::Tracer;
use service::http::RequestBody;
use service::trace::{span_id, trace_id};

use crate::body::{BodyReader, CollectedBody};
use crate::headers;
use crate::metrics::PostCounters;
use crate::record::{now_ms, record};
use crate::rejection::{Rejection, RejectionReason};
use crate::spans;

mod answer;

use answer::{BulkAnswer, Results};

/// The path of bulks.
pub(crate) const PATH: &str = "/create-posts";

/// The most posts in a bulk.
const MAX_POSTS: usize = 10_000;

/// The handler of bulks.
pub(crate) struct CreatePosts {
    pub(crate) bodies: Arc<BodyReader>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) metrics: Arc<PostCounters>,
    pub(crate) tracer: Option<Tracer>,
    /// The most bytes of each post: the limit of a single post.
    pub(crate) max_post_bytes: usize,
}

/// A bulk that is rejected as a whole.
struct RejectedBulk {
    why: Rejection,
    /// How many posts are rejected for that reason; 1 if nobody knows.
    posts: usize,
    /// How many others break the rules.
    invalid: usize,
}

impl From<Rejection> for RejectedBulk {
    fn from(why: Rejection) -> Self {
        Self { why, posts: 1, invalid: 0 }
    }
}

impl CreatePosts {
    pub(crate) async fn answer(&self, request: &mut Request<RequestBody>) -> Response<Full<Bytes>> {
        let client = headers::trace(request.headers());
        let span = self.tracer.as_ref().map(|tracer| spans::request(tracer, "POST /create-posts", PATH, client));
        let outcome = self.create(request, span.as_ref().map_or(client, |span| Some(span.context()))).await;
        let (response, accepted, rejected, reason) = match outcome {
            Ok(answer) => {
                self.count(&answer);
                let rejected = answer.rejected();
                (answer.response, answer.accepted, rejected, None)
            }
            Err(RejectedBulk { why, posts, invalid }) => {
                self.metrics.rejected(why.reason(), posts);
                self.metrics.rejected(RejectionReason::Invalid, invalid);
                (why.response(), 0, posts + invalid, Some(why.reason()))
            }
        };
        if let Some(span) = span {
            spans::bulk_answered(span, accepted, rejected, reason, response.status());
        }
        response
    }

    fn count(&self, answer: &BulkAnswer) {
        self.metrics.accepted.increment(answer.accepted as u64);
        self.metrics.rejected(RejectionReason::Invalid, answer.invalid);
        self.metrics.rejected(RejectionReason::Unacknowledged, answer.unknown);
        self.metrics.rejected(RejectionReason::KafkaAway, answer.away);
        self.metrics.rejected(RejectionReason::IdempotencyConflict, answer.conflicts);
    }

    async fn create(
        &self,
        request: &mut Request<RequestBody>,
        trace: Option<TraceContext>,
    ) -> Result<BulkAnswer, RejectedBulk> {
        let timestamp_ms = now_ms();
        // Read before anything is judged: if the body stayed unread, the connection could not serve the next request.
        let CollectedBody { bytes, mut share } = self.bodies.read_bulk(request.body_mut()).await?;
        let format = format_of(request.headers())?;
        let key = headers::idempotency_key(request.headers())?;
        let (ids, is_keyed) = (ids_of(key)?, key.is_some());
        let limits = BulkLimits { posts: MAX_POSTS, post_bytes: self.max_post_bytes };
        let record_of = |id, value| record(id, is_keyed, value, timestamp_ms, trace);
        let (records, results) = judge(Bulk::new(bytes, format, limits), &ids, record_of)?;
        let (posts, invalid) = (records.len(), results.invalid());
        let rejected = |why| RejectedBulk { why, posts, invalid };
        // The body is gone; from here on the share is for the answer.
        self.bodies.budget().resize(&mut share, results.max_answer_bytes()).map_err(rejected)?;
        let fates = self.publish(records).await.map_err(rejected)?;
        let answer = results.answer(&fates, share);
        if answer.accepted > 0 {
            tracing::debug!(
                posts = answer.accepted,
                topic = self.publisher.topic(),
                trace_id = trace_id(trace),
                span_id = span_id(trace),
                "Messages sent to topic"
            );
        }
        Ok(answer)
    }

    async fn publish(&self, records: Vec<Record>) -> Result<Vec<Fate>, Rejection> {
        let (posts, max_in_flight) = (records.len(), self.publisher.max_in_flight());
        if posts == 0 {
            return Ok(Vec::new());
        }
        if posts > max_in_flight {
            return Err(Rejection::NeverFits { posts, max_in_flight });
        }
        self.publisher.publish_bulk(records).await.map_err(|error| match error {
            PublishError::Unacknowledged => Rejection::BulkUnacknowledged,
            error => error.into(),
        })
    }
}

/// The records of the valid posts, and the result of each post. Runs without interruption, although it may take
/// milliseconds: so at most one bulk per thread is in memory twice, as its body and as its records.
fn judge(
    mut bulk: Bulk,
    ids: &BulkIds,
    record_of: impl Fn(PostId, Vec<u8>) -> Record,
) -> Result<(Vec<Record>, Results), Rejection> {
    let (mut records, mut results) = (Vec::new(), Results::default());
    loop {
        match bulk.next_post() {
            Ok(Some(Ok(post))) => {
                let id = ids.at(results.count());
                results.push_valid(id);
                records.push(record_of(id, encode_value(&post)));
            }
            Ok(Some(Err(errors))) => results.push_invalid(&errors),
            Ok(None) => return Ok((records, results)),
            Err(BulkError::Broken(errors)) => return Err(Rejection::NoBulk(errors)),
            Err(BulkError::TooManyPosts) => return Err(Rejection::TooManyPosts(MAX_POSTS)),
        }
    }
}

/// No content type at all counts as JSON, as for a single post.
fn format_of(headers: &HeaderMap) -> Result<BulkFormat, Rejection> {
    if headers::is_content_type(headers, "application/json").unwrap_or(true) {
        Ok(BulkFormat::Array)
    } else if headers::is_content_type(headers, "application/x-ndjson").unwrap_or(false) {
        Ok(BulkFormat::Lines)
    } else {
        Err(Rejection::BulkContentType)
    }
}

/// The ids that an `Idempotency-Key` stands for, else fresh ones.
fn ids_of(key: Option<&[u8]>) -> Result<BulkIds, Rejection> {
    match key {
        None => Ok(BulkIds::fresh()),
        Some(key) => BulkIds::from_idempotency_key(key).map_err(Rejection::IdempotencyKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_says_how_the_posts_are_written() {
        for (values, format) in [
            (&[][..], BulkFormat::Array),
            (&["application/json; charset=utf-8"], BulkFormat::Array),
            (&["application/x-ndjson"], BulkFormat::Lines),
            (&["Application/X-NDJSON; charset=utf-8"], BulkFormat::Lines),
        ] {
            assert_eq!(format_of(&headers::with("content-type", values)).unwrap(), format, "{values:?}");
        }
        for rejected in ["", "text/plain", "application/ndjsonx"] {
            assert!(format_of(&headers::with("content-type", &[rejected])).is_err(), "{rejected:?}");
        }
    }
}
