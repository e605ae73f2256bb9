//! One virtual user: waits until its next post is due, sends it over its own connection, and notes what became of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use tokio_util::sync::CancellationToken;

use super::alarm::Alarm;
use super::deadline::UserDeadline;
use super::notes::{EndedPost, Notes};
use super::outcome::{Outcome, UnknownCause};
use crate::ledger::post::RunId;
use crate::ledger::post::bodies::{Bodies, PlannedPost};
use crate::load::http::{HttpConnection, NoAnswer};
use crate::load::pacing::lateness::Lateness;
use crate::load::pacing::turns::Turns;
use crate::load::recorder::Recorder;
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
    pub(crate) repeat: u32,
    pub(crate) run: RunId,
    pub(crate) bodies: Mutex<Bodies>,
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

/// The life of user `vu`, until the model or `stop` ends it. Posts in flight then are still awaited.
pub(crate) async fn run(shared: Arc<Shared>, vu: u32) {
    let mut user = User { connection: None, deadline: UserDeadline::at(Instant::now() + shared.request_timeout) };
    let (mut turn, mut last) = (0, None);
    while let Some(due) = shared.turns.next(vu, turn, last) {
        let Some(left) = shared.wait_until(due).await else { return };
        let lateness = Lateness::of(due, last.map(|(free, _)| free), left);
        let n = shared.recorder.next();
        let planned = shared.begin(n);
        let is_invalid = planned.is_invalid;
        let outcome = shared.post_repeatedly(&mut user, n, planned).await;
        let outcome = if is_invalid { outcome.of_invalid() } else { outcome };
        let now = Instant::now();
        let is_warm_up = due < shared.measured_from;
        if let Outcome::Accepted(id) = outcome {
            shared.recorder.has_accepted(n, id, is_warm_up);
        }
        shared.notes().add(EndedPost { n, due, lateness, left, now, outcome, is_warm_up, is_invalid });
        (turn, last) = (turn + 1, Some((now, outcome.ended())));
    }
}

impl Shared {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Post `n`, which counts as sent from now on.
    fn begin(&self, n: u64) -> PlannedPost {
        self.notes().tally.begun += 1;
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).post(n)
    }

    /// Sends post `n` the planned number of times, whatever the answers are, like a client that is not sure.
    async fn post_repeatedly(&self, user: &mut User, n: u64, planned: PlannedPost) -> Outcome {
        let times = if planned.is_retried { self.repeat.max(2) } else { self.repeat };
        let key = (times > 1)
            .then(|| HeaderValue::try_from(format!("{}-{n}", self.run)).expect("digits and a hyphen are header text"));
        let mut outcome = self.post(user, key.as_ref(), planned.body.clone()).await;
        for _ in 1..times {
            outcome = outcome.and(self.post(user, key.as_ref(), planned.body.clone()).await);
        }
        outcome
    }

    async fn post(&self, user: &mut User, key: Option<&HeaderValue>, body: Bytes) -> Outcome {
        let User { connection, deadline } = user;
        let mut request = self.request(key, body);
        // The server may have closed an idle connection. A request that never left is not repeated by sending it on a
        // new one.
        for _ in 0..2 {
            let open = match connection {
                Some(open) => open,
                None => match HttpConnection::open(self.target.address).await {
                    Ok(fresh) => connection.insert(fresh),
                    Err(_) => return Outcome::NotConnected,
                },
            };
            match deadline.bound(Instant::now() + self.request_timeout, open.send(request)).await {
                Some(Ok(answer)) => return Outcome::of(&answer),
                Some(Err(NoAnswer::NotSent(unsent))) => {
                    *connection = None;
                    request = *unsent;
                }
                Some(Err(NoAnswer::CutOff)) => {
                    *connection = None;
                    return Outcome::Unknown(UnknownCause::CutOff);
                }
                None => {
                    *connection = None;
                    return Outcome::Unknown(UnknownCause::TimedOut);
                }
            }
        }
        Outcome::NotConnected
    }

    fn request(&self, key: Option<&HeaderValue>, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.target.host.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = key {
            headers.insert("idempotency-key", key.clone());
        }
        request
    }
}
