//! What the forms of the page do.

use hyper::{Request, StatusCode};
use service::auth::Caller;
use service::http::RequestBody;
use uuid::Uuid;

use super::{Answer, Page, html, missing, see_other};
use crate::api;
use crate::api::metrics::RejectionReason;
use crate::form;
use crate::held::settled;
use crate::operations::SubmitError;
use crate::page::fields::is_retriable;
use crate::page::frame::Root;
use crate::page::list::{self, Draft};
use crate::page::one;
use crate::page::posted::Posted;
use crate::page::problem::Problem;
use crate::page::view::View;
use crate::scope::Scope;
use crate::status::Status;
use crate::store::Changed;

/// A content that is too long is shown again, to be shortened, up to this many times the limit. A form has room for
/// twelve times the limit, which could be six times as large again in the page.
const KEPT: usize = 2;

impl Page {
    /// Submits the content of the form, or shows the form again with what is wrong.
    pub(super) async fn submit(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Answer {
        let posted = Posted::read(&self.bodies, request, self.limits.form_bytes()).await;
        let posted = posted.inspect_err(|error| self.counters.rejected(error.reason(), 1))?;
        let content = form::with_single_line_ends(posted.field("content"));
        // Of form and content: who goes back and writes something else does not repeat a request.
        let form = Uuid::try_parse(posted.field("key")).ok();
        let key = form.map(|form| Uuid::new_v5(&form, content.as_bytes()).simple().to_string());
        let key = key.map(|key| api::key_of(caller.name(), &key));
        let error = match self.operations.submit(content.clone(), key, caller.name().map(Into::into)).await {
            Ok(accepted) => {
                self.counters.accepted.increment(accepted.is_new.into());
                let live = View { is_live: true, ..View::default() };
                return Ok(see_other(&format!("{}#s-{}", live.link(), accepted.submission.id)));
            }
            Err(error) => error,
        };
        let is_kept = content.chars().count() <= self.limits.max_chars * KEPT;
        let (reason, status, fault) = match error {
            SubmitError::Content(error) => {
                let advice = if is_kept { "" } else { " Go back to find it as you wrote it." };
                (RejectionReason::Invalid, StatusCode::BAD_REQUEST, format!("It {error}.{advice}"))
            }
            SubmitError::Full => (
                RejectionReason::Full,
                StatusCode::SERVICE_UNAVAILABLE,
                "Too much is submitted at this moment. Try again.".to_owned(),
            ),
            SubmitError::Conflict => (
                RejectionReason::IdempotencyConflict,
                StatusCode::UNPROCESSABLE_ENTITY,
                "This form has submitted something else already. Load the page again.".to_owned(),
            ),
            // Why is in the log: it may name what readers need not know.
            SubmitError::Unknown(_) => (
                RejectionReason::Unconfirmed,
                StatusCode::SERVICE_UNAVAILABLE,
                "The database did not confirm it. Try again.".to_owned(),
            ),
        };
        self.counters.rejected(reason, 1);
        // Of the same form, so that what is submitted again is not there twice.
        let key = form.map(|form| form.to_string()).unwrap_or_default();
        let draft = || Draft { content: if is_kept { &content } else { "" }, fault: &fault, key: key.clone() };
        match self.list(caller, View::default(), draft(), status).await {
            Ok(page) => Ok(page),
            // Where there is no list either, the form alone keeps what was written, with its share of the budget.
            Err(_) => {
                let form = html(status, list::render_form(&draft(), self.frame(caller)));
                Ok(settled(form, posted.into_share(), self.bodies.budget()))
            }
        }
    }

    /// Cancels or retries one submission.
    pub(super) async fn change(
        &self,
        is_cancel: bool,
        id: Option<Uuid>,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> Answer {
        let posted = Posted::read_short(&self.bodies, request).await?;
        let id = id.ok_or_else(missing)?;
        let scope = Scope::of(caller);
        let changed = match is_cancel {
            true => self.operations.cancel(&scope, id).await?,
            false => self.operations.retry(&scope, id).await?,
        };
        match changed {
            Changed::Made(_) if posted.field("back") == one::BACK => Ok(see_other(&format!("../{id}"))),
            Changed::Made(_) => Ok(see_other(&format!("{}{}#s-{id}", Root::ACTION.0, back(&posted).query()))),
            Changed::NotAllowed(submission) => {
                let what = if is_cancel { "cancelled" } else { "retried" };
                Err(Problem::new(
                    StatusCode::CONFLICT,
                    format!("It is {} and cannot be {what}.", submission.status.as_str()),
                ))
            }
            Changed::Missing => Err(missing()),
        }
    }

    /// Retries all that have a status.
    pub(super) async fn retry_all(&self, request: &mut Request<RequestBody>, caller: &Caller) -> Answer {
        let posted = Posted::read_short(&self.bodies, request).await?;
        let status = Status::from_name(posted.field("status")).filter(|status| is_retriable(*status));
        let Some(status) = status else {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "Only what is FAILED or CANCELLED can be retried."));
        };
        self.operations.retry_all(&Scope::of(caller), status).await?;
        Ok(see_other(&format!("{}{}", Root::ONE.0, back(&posted).query())))
    }
}

/// The list from which a form was posted.
fn back(posted: &Posted) -> View {
    View::of(posted.field("back").trim_start_matches('?'))
}
