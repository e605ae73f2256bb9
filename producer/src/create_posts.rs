//! `POST /create-posts`: the way of a bulk, from its head to its answer. It is read whole, judged post by post, and only
//! then are the valid ones published: all of them or, if there is no room, none.

use std::sync::Arc;

use bytes::Bytes;
use contract::{Bulk, BulkError, BulkFormat, BulkIds, BulkLimits, TraceContext, record};
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::{Request, Response};
use service::Tracer;
use service::http::RequestBody;

use crate::body::{BodyReader, CollectedBody};
use crate::bulk_answer::{BulkAnswer, Results};
use crate::create_post::now_ms;
use crate::headers;
use crate::metrics::Metrics;
use crate::publisher::Publisher;
use crate::record::Publishing;
use crate::refusal::Refusal;
use crate::spans;

/// Most posts of a bulk.
const MAX_POSTS: usize = 10_000;

/// The handler of bulks.
pub(crate) struct CreatePosts {
    pub(crate) bodies: Arc<BodyReader>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tracer: Option<Tracer>,
    /// Most bytes of each post: as many as it may have alone.
    pub(crate) max_post_bytes: usize,
}

/// A bulk that is refused as a whole.
struct Refused {
    refusal: Refusal,
    /// How many posts are refused for that; 1 where nobody knows.
    posts: usize,
    /// How many others break the rules.
    invalid: usize,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, posts: 1, invalid: 0 }
    }
}

impl CreatePosts {
    pub(crate) async fn answer(&self, request: &mut Request<RequestBody>) -> Response<Full<Bytes>> {
        let client = headers::trace(request.headers());
        let span = self.tracer.as_ref().map(|tracer| spans::request(tracer, &spans::CREATE_POSTS, client));
        let outcome = self.create(request, span.as_ref().map_or(client, |span| Some(span.context()))).await;
        let (response, accepted, rejected, refusal) = match outcome {
            Ok(answer) => {
                self.count(&answer);
                let rejected = answer.rejected();
                (answer.response, answer.accepted, rejected, None)
            }
            Err(Refused { refusal, posts, invalid }) => {
                self.metrics.rejected(&refusal, posts);
                self.metrics.invalid_posts(invalid);
                (refusal.response(), 0, posts + invalid, Some(refusal.reason()))
            }
        };
        if let Some(span) = span {
            spans::bulk_answered(span, accepted, rejected, refusal, response.status());
        }
        response
    }

    fn count(&self, answer: &BulkAnswer) {
        self.metrics.accepted.increment(answer.accepted as u64);
        self.metrics.invalid_posts(answer.invalid);
        self.metrics.rejected(&Refusal::Unacknowledged, answer.unknown);
        self.metrics.rejected(&Refusal::KafkaAway, answer.away);
        self.metrics.rejected(&Refusal::KeyConflict, answer.conflicts);
    }

    async fn create(
        &self,
        request: &mut Request<RequestBody>,
        trace: Option<TraceContext>,
    ) -> Result<BulkAnswer, Refused> {
        let timestamp_ms = now_ms();
        // Before anything is judged: with the body left unread, the connection could not serve the next request.
        let CollectedBody { bytes, mut share } = self.bodies.read_bulk(request.body_mut()).await?;
        let format = format_of(request.headers())?;
        let key = headers::idempotency_key(request.headers())?;
        let (ids, is_keyed) = (ids_of(key)?, key.is_some());
        let limits = BulkLimits { posts: MAX_POSTS, post_bytes: self.max_post_bytes };
        let (posts, results) = judge(Bulk::new(bytes, format, limits), &ids, timestamp_ms, trace)?;
        let (valid, invalid) = (posts.len(), results.invalid());
        let refused = |refusal| Refused { refusal, posts: valid, invalid };
        // The body is gone, and its answer is to come.
        self.bodies.budget().resize(&mut share, results.max_answer_bytes()).map_err(refused)?;
        let fates = if posts.is_empty() {
            Vec::new()
        } else {
            self.publisher.publish_bulk(posts, is_keyed).await.map_err(refused)?
        };
        Ok(results.answer(&fates, share))
    }
}

/// The records of the valid posts, and what is to be said of each. Not interrupted, although it may take milliseconds: so
/// at most one bulk a thread is there twice, as its body and as its records.
fn judge(
    mut bulk: Bulk,
    ids: &BulkIds,
    timestamp_ms: i64,
    trace: Option<TraceContext>,
) -> Result<(Vec<Publishing>, Results), Refusal> {
    let (mut posts, mut results) = (Vec::new(), Results::default());
    loop {
        match bulk.next_post() {
            Ok(Some(Ok(post))) => {
                let value = record::encode_value(&post);
                let id = ids.at(results.count());
                results.push_valid(id);
                posts.push(Publishing { id, value, timestamp_ms, trace });
            }
            Ok(Some(Err(errors))) => results.push_invalid(&errors),
            Ok(None) => return Ok((posts, results)),
            Err(BulkError::Broken(errors)) => return Err(Refusal::NoBulk(errors)),
            Err(BulkError::TooManyPosts) => return Err(Refusal::TooManyPosts(MAX_POSTS)),
        }
    }
}

/// No content type at all counts as JSON, as for a single post.
fn format_of(headers: &HeaderMap) -> Result<BulkFormat, Refusal> {
    if headers::is_content_type(headers, "application/json").unwrap_or(true) {
        Ok(BulkFormat::Array)
    } else if headers::is_content_type(headers, "application/x-ndjson").unwrap_or(false) {
        Ok(BulkFormat::Lines)
    } else {
        Err(Refusal::BulkContentType)
    }
}

/// The ids that an `Idempotency-Key` stands for, else fresh ones.
fn ids_of(key: Option<&[u8]>) -> Result<BulkIds, Refusal> {
    match key {
        None => Ok(BulkIds::fresh()),
        Some(key) => BulkIds::from_idempotency_key(key).map_err(Refusal::IdempotencyKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_says_how_the_posts_stand() {
        for (values, format) in [
            (&[][..], BulkFormat::Array),
            (&["application/json; charset=utf-8"], BulkFormat::Array),
            (&["application/x-ndjson"], BulkFormat::Lines),
            (&["Application/X-NDJSON; charset=utf-8"], BulkFormat::Lines),
        ] {
            assert_eq!(format_of(&headers::with("content-type", values)).unwrap(), format, "{values:?}");
        }
        for refused in ["", "text/plain", "application/ndjsonx"] {
            assert!(format_of(&headers::with("content-type", &[refused])).is_err(), "{refused:?}");
        }
    }
}
