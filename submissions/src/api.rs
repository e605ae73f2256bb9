//! The HTTP API of submissions: a request from its head to its answer. What is asked for is done by the
//! [`operations`](crate::operations); here are the formats, and the [`rejection`]s.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, HeaderMap, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use service::auth::Caller;
use service::http::body::{BodyReader, BufferFull, CollectedBody, HeldBody, Share};
use service::http::headers::{self, is_media_type};
use service::http::sender::{Sender, sender};
use service::http::{RequestBody, Route, json, json_if_changed};
use service::{Tracer, audit};
use uuid::Uuid;

use crate::content;
use crate::held::{held, settled};
use crate::operations::Operations;
use crate::scope::Scope;
use crate::store::Changed;

mod body;
mod bulk;
mod create_bulk;
pub(crate) mod metrics;
mod query;
mod rejection;
mod spans;
mod view;

pub(crate) use body::MAX_SUBMISSIONS;
pub(crate) use view::{SubmissionView, encode};

use self::metrics::ApiCounters;
use self::rejection::Rejection;
use self::view::{DeadLettersView, PageView, RetriedView, StatsView, WorkersView};

/// What callers may be allowed to use, by this name.
pub(crate) const KIND: &str = "submission";

/// What the paths of [`ROUTES`] start with.
pub(crate) const PREFIX: &str = "/api/";

/// The most bytes of a submission in JSON, beside its content.
const OTHER_BYTES: usize = 1024;

const SUBMISSIONS: &str = "/api/submissions";
const BULK: &str = "/api/submissions/bulk";
const RETRY_ALL: &str = "/api/submissions/retry";
const SUBMISSION: &str = "/api/submissions/{id}";
const CANCEL: &str = "/api/submissions/{id}/cancel";
const RETRY: &str = "/api/submissions/{id}/retry";
const DEAD_LETTERS: &str = "/api/dead-letters";
const STATS: &str = "/api/stats";
const WORKERS: &str = "/api/workers";

/// The API's routes; a slash at the end of their paths makes no difference.
pub const ROUTES: &[Route] = &[
    Route::post(SUBMISSIONS, "202 with the submission, once it is durable in the database").with_or_without_slash(),
    Route::get(SUBMISSIONS, "submissions from the newest on; `?status=`, `?after=` and `?limit=`")
        .with_or_without_slash(),
    Route::post(BULK, "202, 207 or 400 with a result for each submission of a bulk").with_or_without_slash(),
    Route::post(RETRY_ALL, "all submissions of a status are tried again: `?status=FAILED` or `?status=CANCELLED`")
        .with_or_without_slash(),
    Route::get(SUBMISSION, "one submission; with `If-None-Match` 304 while it has not changed").with_or_without_slash(),
    Route::post(CANCEL, "the submission is CANCELLED, if it is not final").with_or_without_slash(),
    Route::post(RETRY, "the submission is tried again, if it is FAILED or CANCELLED").with_or_without_slash(),
    Route::get(DEAD_LETTERS, "what ended without a verdict, each with its last reason; `?after=` and `?limit=`")
        .with_or_without_slash(),
    Route::get(STATS, "how many submissions are in each status, and what waits or is stuck").with_or_without_slash(),
    Route::get(WORKERS, "the workers, each with its last heartbeat; where callers are asked, with the scope `admin`")
        .with_or_without_slash(),
];

/// The handlers of the API.
pub(crate) struct Api {
    operations: Arc<Operations>,
    bodies: Arc<BodyReader>,
    counters: ApiCounters,
    tracer: Option<Tracer>,
}

/// An answer, unless the request is rejected.
type Outcome = Result<Response<Full<Bytes>>, Rejection>;

impl Api {
    pub(crate) fn new(
        operations: Arc<Operations>,
        bodies: Arc<BodyReader>,
        counters: ApiCounters,
        tracer: Option<Tracer>,
    ) -> Self {
        Self { operations, bodies, counters, tracer }
    }

    /// Answers a request for one of [`ROUTES`].
    pub(crate) async fn answer(
        &self,
        route: &Route,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> Response<Full<Bytes>> {
        let span = self.tracer.as_ref().map(|tracer| spans::begin(tracer, route, request.headers()));
        let outcome = match (route.path, route.method == Method::POST) {
            (SUBMISSIONS, true) => {
                let outcome = self.create(request, caller).await;
                caller.note(|| audited(&outcome));
                self.count(outcome.as_ref().err(), 1);
                outcome
            }
            // Boxed, so that the future of a single submission does not have this one's size.
            (BULK, _) => Ok(Box::pin(self.create_bulk(request, caller)).await),
            _ => Box::pin(self.answer_others(route, request, caller)).await,
        };
        let response = outcome.unwrap_or_else(|rejection| rejection.response());
        if let Some(span) = span {
            spans::answered(span, response.status());
        }
        response
    }

    async fn answer_others(&self, route: &Route, request: &mut Request<RequestBody>, caller: &Caller) -> Outcome {
        let (query, scope) = (request.uri().query(), Scope::of(caller));
        // What is not an id is the id of nothing.
        let id = || route.parameter(request.uri().path()).and_then(|id| Uuid::try_parse(id).ok());
        match route.path {
            SUBMISSIONS => self.list(&scope, query).await,
            SUBMISSION => self.get(&scope, id().ok_or(Rejection::Missing)?, request.headers()).await,
            DEAD_LETTERS => self.dead_letters(&scope, query).await,
            STATS => Ok(ok(&StatsView::from(&self.operations.stats(&scope).await?))),
            WORKERS if !caller.is_admin() => Err(Rejection::NotAdmin),
            WORKERS => Ok(ok(&WorkersView::from(&self.operations.workers().await?[..]))),
            CANCEL => {
                let id = id();
                self.without_body(request, caller).await?;
                let share = self.share_of_one()?;
                let cancelled = self.operations.cancel(&scope, id.ok_or(Rejection::Missing)?).await?;
                Ok(self.settled(changed(cancelled, "be cancelled", "not final")?, share))
            }
            RETRY => {
                let id = id();
                self.without_body(request, caller).await?;
                let share = self.share_of_one()?;
                let retried = self.operations.retry(&scope, id.ok_or(Rejection::Missing)?).await?;
                Ok(self.settled(changed(retried, "be tried again", "FAILED or CANCELLED")?, share))
            }
            RETRY_ALL => {
                let status = query::status_to_retry(query);
                self.without_body(request, caller).await?;
                let retried = self.operations.retry_all(&scope, status.map_err(Rejection::Query)?).await?;
                Ok(ok(&RetriedView { retried }))
            }
            _ => Err(Rejection::Missing),
        }
    }

    async fn create(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Outcome {
        check_site(request.headers(), caller)?;
        // Read before anything is judged: if the body stayed unread, the connection could not serve the next request.
        // What it holds of the budget is held until the answer is sent: before that its content waits, and then the
        // answer has it.
        let body = self.bodies.read(request).await?;
        let headers = request.headers();
        if !is_media_type(headers, "application/json").unwrap_or(true) {
            return Err(Rejection::ContentType);
        }
        let key = idempotency_key(headers, caller)?;
        let content = body::one(body.bytes(), |content| self.operations.content_error(content));
        let content = content.map_err(Rejection::Invalid)?;
        // From here on it may be stored.
        caller.note(|| audit::Outcome { unknown: 1, ..audit::Outcome::default() });
        let accepted = self.operations.submit(content, key, caller.name().map(Into::into)).await?;
        if accepted.is_new {
            self.counters.accepted.increment(1);
        }
        let submission = &accepted.submission;
        let mut response = json(StatusCode::ACCEPTED, encode(&SubmissionView::from(submission)));
        let location = format!("{SUBMISSIONS}/{}", submission.id);
        response.headers_mut().insert(LOCATION, HeaderValue::try_from(location).expect("a path of an id is ASCII"));
        Ok(match body {
            HeldBody::Collected(CollectedBody { share, .. }) => self.settled(response, share),
            HeldBody::Piece(_) => response,
        })
    }

    async fn list(&self, scope: &Scope, query: Option<&str>) -> Outcome {
        let listing = query::listing(query).map_err(Rejection::Query)?;
        let page = self.operations.list(scope, listing).await?;
        self.held(ok(&PageView::new(&page, |after| query::next_page(listing, after))))
    }

    async fn dead_letters(&self, scope: &Scope, query: Option<&str>) -> Outcome {
        let (after, limit) = query::dead_letters(query).map_err(Rejection::Query)?;
        let page = self.operations.dead_letters(scope, after, limit).await?;
        self.held(ok(&DeadLettersView::new(&page, |after| query::next_dead_letters(limit, after))))
    }

    async fn get(&self, scope: &Scope, id: Uuid, headers: &HeaderMap) -> Outcome {
        let submission = self.operations.get(scope, id).await?.ok_or(Rejection::Missing)?;
        self.held(json_if_changed(headers, encode(&SubmissionView::from(&submission))))
    }

    /// An answer that may be large, with its share of the budget.
    fn held(&self, response: Response<Full<Bytes>>) -> Outcome {
        Ok(held(response, self.bodies.budget())?)
    }

    /// The same with a share that was taken before.
    fn settled(&self, response: Response<Full<Bytes>>, share: Share) -> Response<Full<Bytes>> {
        settled(response, share, self.bodies.budget())
    }

    /// Enough for the answer to a change of any submission. It is taken before the change, so that a client that gets
    /// 503 because there is no room can send its request again.
    fn share_of_one(&self) -> Result<Share, BufferFull> {
        let mut share = Share::default();
        let content = content::MAX_JSON_BYTES * self.operations.max_content_chars();
        self.bodies.budget().resize(&mut share, content + OTHER_BYTES)?;
        Ok(share)
    }

    /// Reads what comes with a request that needs no body, so that the connection can serve the next one.
    async fn without_body(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Result<(), Rejection> {
        check_site(request.headers(), caller)?;
        self.bodies.read(request).await?;
        Ok(())
    }

    fn count(&self, rejection: Option<&Rejection>, submissions: u64) {
        if let Some(reason) = rejection.and_then(Rejection::reason) {
            self.counters.rejected(reason, submissions);
        }
    }
}

fn check_site(headers: &HeaderMap, caller: &Caller) -> Result<(), Rejection> {
    let is_rejected = sender(headers) == Sender::Other && !caller.is_from_allowed_page();
    if is_rejected { Err(Rejection::CrossSite) } else { Ok(()) }
}

/// The key of a caller as the database has it. That of a known one begins with a space and its name, which no key of a
/// client does, and neither has a space in it: so no caller's keys are those of another one.
pub(crate) fn key_of(caller: Option<&str>, key: &str) -> String {
    caller.map_or_else(|| key.to_owned(), |name| format!(" {name} {key}"))
}

fn idempotency_key(headers: &HeaderMap, caller: &Caller) -> Result<Option<String>, Rejection> {
    let Some(key) = headers::idempotency_key(headers).map_err(Rejection::IdempotencyKey)? else { return Ok(None) };
    contract::id::check_idempotency_key(key).map_err(Rejection::IdempotencyKey)?;
    let key = String::from_utf8_lossy(key);
    Ok(Some(key_of(caller.name(), &key)))
}

/// What the audit log gets of a request with one submission.
fn audited(outcome: &Outcome) -> audit::Outcome {
    let nothing = audit::Outcome::default();
    match outcome {
        Ok(_) => audit::Outcome { accepted: 1, ..nothing },
        Err(Rejection::Unconfirmed) => audit::Outcome { unknown: 1, ..nothing },
        Err(_) => audit::Outcome { rejected: 1, ..nothing },
    }
}

/// What it shows depends on who asks, so no cache between may keep it.
fn ok(view: &impl serde::Serialize) -> Response<Full<Bytes>> {
    let mut response = json(StatusCode::OK, encode(view));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// The answer to a change that somebody asked for.
fn changed(changed: Changed, what: &'static str, only: &'static str) -> Outcome {
    match changed {
        Changed::Made(submission) => Ok(ok(&SubmissionView::from(&submission))),
        Changed::NotAllowed(submission) => Err(Rejection::NotAllowed { what, status: submission.status, only }),
        Changed::Missing => Err(Rejection::Missing),
    }
}
