//! One virtual user: waits until its next request is due, sends it over its own connection, and notes what comes of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use tokio_util::sync::CancellationToken;

use super::alarm::Alarm;
use super::deadline::UserDeadline;
use super::notes::{EndedPost, Notes};
use super::outcome::{Outcome, Sends, UnknownCause};
use super::outcome::{bulk, request};
use crate::ledger::audit_book::AuditBook;
use crate::ledger::plan::RunPlan;
use crate::ledger::post::bodies::PlannedPost;
use crate::ledger::records::Records;
use crate::load::http::{Answer, HttpConnection, NoAnswer};
use crate::load::pacing::ended::Ended;
use crate::load::pacing::lateness::Lateness;
use crate::load::pacing::turns::Turns;
use crate::load::recorder::Recorder;
use crate::load::route;
use crate::load::target::Target;

/// What the users of one thread share.
pub(crate) struct Shared {
    /// What the users of all threads take their posts from.
    pub(crate) turns: Arc<Turns>,
    /// The end of the warm-up.
    pub(crate) measured_from: Instant,
    pub(crate) target: Target,
    pub(crate) uri: Uri,
    pub(crate) request_timeout: Duration,
    pub(crate) plan: RunPlan,
    pub(crate) records: Mutex<Records>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) notes: Arc<Mutex<Notes>>,
    pub(crate) alarm: Alarm,
    pub(crate) stop: CancellationToken,
}

/// What a user keeps from one post to the next.
struct User {
    connection: Option<HttpConnection>,
    deadline: UserDeadline,
}

/// What is sent in one request.
struct Batch {
    /// The numbers of its records.
    numbers: Vec<u64>,
    planned: Vec<PlannedPost>,
    body: Bytes,
}

/// The life of user `vu`, until the model, the last number or `stop` ends it. What is in flight then is still awaited.
pub(crate) async fn run(shared: Arc<Shared>, vu: u32) {
    let mut user = User { connection: None, deadline: UserDeadline::at(Instant::now() + shared.request_timeout) };
    let (mut turn, mut last) = (0, None);
    while let Some(due) = shared.turns.next(vu, turn, last) {
        shared.connect_ahead(&mut user, due).await;
        let Some(left) = shared.wait_until(due).await else { return };
        let lateness = Lateness::of(due, last.map(|(free, _)| free), left);
        let Some(batch) = shared.begin(vu) else { return };
        let outcomes = shared.send_repeatedly(&mut user, &batch).await;
        let now = Instant::now();
        let is_warm_up = due < shared.measured_from;
        let mut ended = Ended::Answered;
        for ((n, planned), Sends { outcome, was_unknown }) in batch.numbers.into_iter().zip(batch.planned).zip(outcomes)
        {
            let is_invalid = planned.is_invalid;
            let outcome = if is_invalid { outcome.of_invalid() } else { outcome };
            if let Outcome::Accepted(id) = outcome {
                shared.recorder.has_accepted(n, vu, id, is_warm_up);
            }
            if outcome.ended() == Ended::InTrouble {
                ended = Ended::InTrouble;
            }
            shared.notes().add(EndedPost { n, due, lateness, left, now, outcome, was_unknown, is_warm_up, is_invalid });
        }
        (turn, last) = (turn + 1, Some((now, ended)));
    }
}

impl Shared {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Over TLS a connection takes a while. It is opened before the post is due, as far as there is time, so that the
    /// post is not late.
    async fn connect_ahead(&self, user: &mut User, due: Instant) {
        if self.target.is_secure() && user.connection.is_none() {
            let opened = tokio::time::timeout_at(due.into(), self.target.connect()).await;
            user.connection = opened.ok().and_then(Result::ok);
        }
    }

    /// Waits, and returns the time then; `None` if `stop` came first.
    async fn wait_until(&self, due: Instant) -> Option<Instant> {
        let now = Instant::now();
        if due <= now {
            return (!self.stop.is_cancelled()).then_some(now);
        }
        tokio::select! {
            () = self.alarm.until(due) => Some(Instant::now()),
            () = self.stop.cancelled() => None,
        }
    }

    /// The next records of this user, which count as sent from now on; `None` if there are no more.
    fn begin(&self, vu: u32) -> Option<Batch> {
        let numbers: Vec<u64> = self.recorder.next(self.plan.bulk).collect();
        if numbers.is_empty() {
            return None;
        }
        self.notes().tally.begun += numbers.len() as u64;
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let planned: Vec<PlannedPost> = numbers.iter().map(|n| records.record(*n, vu)).collect();
        drop(records);
        let body = if self.plan.bulk == 1 { planned[0].body.clone() } else { route::bulk_body(&planned) };
        Some(Batch { numbers, planned, body })
    }

    /// Sends a request the planned number of times, whatever the answers are, like a client that is not sure. Returns
    /// what became of each record.
    async fn send_repeatedly(&self, user: &mut User, batch: &Batch) -> Vec<Sends> {
        let Batch { numbers, planned, .. } = batch;
        let is_retried = planned.iter().any(|planned| planned.is_retried);
        let times = if is_retried { self.plan.repeat.max(2) } else { self.plan.repeat };
        let (run, n) = (self.plan.run, numbers[0]);
        let key = (times > 1)
            .then(|| HeaderValue::try_from(format!("{run}-{n}")).expect("digits and a hyphen are header text"));
        let first = self.send(user, key.as_ref(), batch, 0).await;
        let mut sends: Vec<Sends> = first.into_iter().map(Sends::of).collect();
        for attempt in 1..times {
            let again = self.send(user, key.as_ref(), batch, attempt).await;
            sends.iter_mut().zip(again).for_each(|(sends, again)| *sends = sends.and(again));
        }
        sends
    }

    /// Sends a request whose records were sent `attempt` times before.
    async fn send(&self, user: &mut User, key: Option<&HeaderValue>, batch: &Batch, attempt: u32) -> Vec<Outcome> {
        let Batch { numbers, body, .. } = batch;
        let mut request = self.request(key, body.clone());
        if self.recorder.is_audited() {
            let id = AuditBook::request_id(self.plan.run, numbers[0], attempt);
            let id = HeaderValue::try_from(id).expect("digits and hyphens are header text");
            request.headers_mut().insert("x-request-id", id);
        }
        let answer = self.answer(user, request).await;
        let status = answer.as_ref().ok().map(|answer| answer.status);
        let (outcomes, have_results) = match answer {
            Ok(answer) if self.plan.bulk > 1 => bulk::outcomes(self.plan.kind, &answer, numbers.len()),
            Ok(answer) => (vec![Outcome::of(self.plan.kind, &answer)], true),
            Err(outcome) => (vec![outcome; numbers.len()], false),
        };
        if self.recorder.is_audited() {
            let sent = request::sent((numbers[0], attempt), &outcomes, status, have_results);
            self.notes().requests.extend(sent);
        }
        outcomes
    }

    /// The answer to a request, or what became of it without one.
    async fn answer(&self, user: &mut User, mut request: Request<Full<Bytes>>) -> Result<Answer, Outcome> {
        let User { connection, deadline } = user;
        // The server may have closed an idle connection. A request that never left is not repeated by sending it on a
        // new one.
        for _ in 0..2 {
            let open = match connection {
                Some(open) => open,
                None => match self.target.connect().await {
                    Ok(fresh) => connection.insert(fresh),
                    Err(_) => return Err(Outcome::NotConnected),
                },
            };
            match deadline.bound(Instant::now() + self.request_timeout, open.send(request)).await {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(NoAnswer::NotSent(unsent))) => {
                    *connection = None;
                    request = *unsent;
                }
                Some(Err(NoAnswer::CutOff)) => {
                    *connection = None;
                    return Err(Outcome::Unknown(UnknownCause::CutOff));
                }
                None => {
                    *connection = None;
                    return Err(Outcome::Unknown(UnknownCause::TimedOut));
                }
            }
        }
        Err(Outcome::NotConnected)
    }

    fn request(&self, key: Option<&HeaderValue>, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.target.dress(headers);
        if let Some(key) = key {
            headers.insert("idempotency-key", key.clone());
        }
        request
    }
}
