//! The handler of bulks: reads one, has what is valid submitted, and counts what became of it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response};
use service::audit;
use service::auth::Caller;
use service::http::RequestBody;
use service::http::body::{CollectedBody, Share};
use service::http::headers::bulk_format;

use super::body::{self, BulkError, MAX_SUBMISSIONS};
use super::bulk::{Bulk, BulkAnswer};
use super::metrics::RejectionReason;
use super::rejection::Rejection;
use super::{Api, KIND, check_site, idempotency_key};
use crate::submission::NewSubmission;

impl Api {
    /// Submits the valid submissions of a bulk, and answers with a result for each.
    pub(super) async fn create_bulk(
        &self,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> Response<Full<Bytes>> {
        let (new, bulk, share) = match self.read_bulk(request, caller).await {
            Ok(read) => read,
            Err(rejection) => {
                self.count(Some(&rejection), 1);
                caller.note(|| audit::Outcome { rejected: 1, ..audit::Outcome::default() });
                return rejection.response();
            }
        };
        let (valid, invalid) = (new.len() as u64, bulk.invalid());
        let all = new.len() + invalid;
        // The first one was counted before the bulk was read.
        if let Err(limited) = caller.take_rest(KIND, all.saturating_sub(1)) {
            self.counters.rejected(RejectionReason::RateLimited, all as u64);
            caller.note(|| audit::Outcome { rejected: all, ..audit::Outcome::default() });
            return limited.response();
        }
        self.counters.rejected(RejectionReason::Invalid, invalid as u64);
        caller.note(|| audit::Outcome { accepted: 0, rejected: invalid, unknown: all - invalid, trace: None });
        match self.submit_bulk(new, bulk, share).await {
            Ok(BulkAnswer { response, created, conflicts, unknown }) => {
                self.counters.accepted.increment(created as u64);
                self.counters.rejected(RejectionReason::IdempotencyConflict, conflicts as u64);
                self.counters.rejected(RejectionReason::Unconfirmed, unknown as u64);
                let accepted = all - invalid - conflicts - unknown;
                caller.note(|| audit::Outcome { accepted, rejected: invalid + conflicts, unknown, trace: None });
                response
            }
            Err(rejection) => {
                self.count(Some(&rejection), valid);
                let (unknown, rejected) = match rejection {
                    Rejection::Unconfirmed => (all - invalid, invalid),
                    _ => (0, all),
                };
                caller.note(|| audit::Outcome { accepted: 0, rejected, unknown, trace: None });
                rejection.response()
            }
        }
    }

    /// The valid submissions of a bulk, the results as far as they are known, and what the bulk holds of the budget.
    async fn read_bulk(
        &self,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> Result<(Vec<NewSubmission>, Bulk, Share), Rejection> {
        check_site(request.headers(), caller)?;
        let CollectedBody { bytes, share } = self.bodies.read_bulk(request).await?;
        let headers = request.headers();
        let format = bulk_format(headers).ok_or(Rejection::BulkContentType)?;
        let key = idempotency_key(headers, caller)?;
        let judged = body::bulk(&bytes, format, |content| self.operations.content_error(content));
        let judged = judged.map_err(|error| match error {
            BulkError::Broken(errors) => Rejection::NoBulk(errors),
            BulkError::TooMany => Rejection::TooMany(MAX_SUBMISSIONS),
        })?;
        let (new, bulk) = Bulk::of(judged, key.as_deref(), caller.name());
        Ok((new, bulk, share))
    }

    async fn submit_bulk(
        &self,
        new: Vec<NewSubmission>,
        bulk: Bulk,
        mut share: Share,
    ) -> Result<BulkAnswer, Rejection> {
        let max_waiting = self.operations.max_waiting();
        if new.len() > max_waiting {
            return Err(Rejection::NeverFits { submissions: new.len(), max_waiting });
        }
        // The body is gone; from here on the share is for the contents that wait, and for the answer.
        let contents: usize = new.iter().map(|new| new.content.len()).sum();
        self.bodies.budget().resize(&mut share, contents + bulk.max_answer_bytes())?;
        let outcomes = if new.is_empty() { Vec::new() } else { self.operations.submit_all(new).await? };
        Ok(bulk.answer(outcomes, share))
    }
}
