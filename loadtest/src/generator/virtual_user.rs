//! One virtual user: waits until its next post is due, sends it over its own connection, writes down what became of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use tokio_util::sync::CancellationToken;

use super::outcome::{Outcome, Trouble};
use super::tally::Tally;
use crate::http::{Connection, NoAnswer};
use crate::pacing::{Lateness, Model};
use crate::post::RunId;
use crate::post::bodies::{Bodies, Planned};
use crate::recorder::Recorder;
use crate::target::Target;

/// What the users of one thread share.
pub(super) struct Shared {
    pub(super) model: Model,
    pub(super) target: Target,
    pub(super) uri: Uri,
    pub(super) request_timeout: Duration,
    pub(super) repeat: u32,
    pub(super) run: RunId,
    pub(super) bodies: Mutex<Bodies>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) tally: Arc<Mutex<Tally>>,
    pub(super) stop: CancellationToken,
}

/// The life of user `vu`, until the model or `stop` ends it. What is in flight then is still waited for.
pub(super) async fn run(shared: Arc<Shared>, vu: u32) {
    let (mut connection, mut turn, mut last) = (None, 0, None);
    while let Some(due) = shared.model.due(vu, turn, last) {
        if !shared.wait_until(due).await {
            return;
        }
        let lateness = Lateness::of(due, last.map(|(free, _)| free), Instant::now());
        let n = shared.recorder.next();
        let planned = shared.bodies.lock().unwrap_or_else(PoisonError::into_inner).post(n);
        let is_invalid = planned.is_invalid;
        shared.tally().begun += 1;
        let outcome = shared.post_repeatedly(&mut connection, n, planned).await;
        let outcome = if is_invalid { outcome.of_invalid() } else { outcome };
        let now = Instant::now();
        if let Some(told) = outcome.told() {
            shared.recorder.answered(n, told);
        }
        let mut tally = shared.tally();
        tally.left(lateness);
        tally.record(outcome, due, now);
        tally.invalid_accepted += u64::from(is_invalid && matches!(outcome, Outcome::Accepted(_)));
        drop(tally);
        (turn, last) = (turn + 1, Some((now, outcome.ended())));
    }
}

impl Shared {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether that time came before `stop`.
    async fn wait_until(&self, due: Instant) -> bool {
        if due <= Instant::now() {
            return !self.stop.is_cancelled();
        }
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => true,
            () = self.stop.cancelled() => false,
        }
    }

    /// Sends post `n` as often as it is to be sent, whatever the answers are, like a client that is not sure.
    async fn post_repeatedly(&self, connection: &mut Option<Connection>, n: u64, planned: Planned) -> Outcome {
        let times = if planned.is_retried { self.repeat.max(2) } else { self.repeat };
        let key = (times > 1)
            .then(|| HeaderValue::try_from(format!("{}-{n}", self.run)).expect("digits and a hyphen are header text"));
        let mut outcome = self.post(connection, key.as_ref(), planned.body.clone()).await;
        for _ in 1..times {
            outcome = outcome.and(self.post(connection, key.as_ref(), planned.body.clone()).await);
        }
        outcome
    }

    async fn post(&self, connection: &mut Option<Connection>, key: Option<&HeaderValue>, body: Bytes) -> Outcome {
        let mut request = self.request(key, body);
        // The server may have closed a connection that was idle. A request that never left is no repeat on a fresh one.
        for _ in 0..2 {
            let open = match connection {
                Some(open) => open,
                None => match Connection::open(self.target.address).await {
                    Ok(fresh) => connection.insert(fresh),
                    Err(_) => return Outcome::NotConnected,
                },
            };
            match tokio::time::timeout(self.request_timeout, open.send(request)).await {
                Ok(Ok(answer)) => return Outcome::of(&answer),
                Ok(Err(NoAnswer::NotSent(unsent))) => {
                    *connection = None;
                    request = *unsent;
                }
                Ok(Err(NoAnswer::CutOff)) => {
                    *connection = None;
                    return Outcome::Unknown(Trouble::CutOff);
                }
                Err(_) => {
                    *connection = None;
                    return Outcome::Unknown(Trouble::TimedOut);
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
