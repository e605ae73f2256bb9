//! The elements that show a submission. Scripts put new texts where `data-field` names them, and hide what `data-with`
//! names and has none.

use maud::{Markup, html};

use crate::page::shown::Shown;
use crate::status::Status;

/// The status.
pub(super) fn status(shown: &Shown) -> Markup {
    html! { strong.status data-field="status" { (shown.status) } }
}

/// For how long it has been in its status, and whether that is too long.
pub(super) fn since(shown: &Shown) -> Markup {
    html! {
        span { "for " span data-field="since" { (shown.since) } } " "
        strong.alarm data-with="stuck" data-field="stuck" hidden[shown.stuck.is_none()] {
            (shown.stuck.unwrap_or_default())
        }
    }
}

/// That its verdict came from the cache.
pub(super) fn cached(shown: &Shown) -> Markup {
    let text = shown.cached.unwrap_or_default();
    html! { span data-with="cached" data-field="cached" hidden[shown.cached.is_none()] { (text) } }
}

/// Why it failed, or why its last attempt did.
pub(super) fn reason(shown: &Shown) -> Markup {
    let text = shown.reason.as_deref().unwrap_or_default();
    html! { span.reason data-with="reason" data-field="reason" hidden[shown.reason.is_none()] { (text) } }
}

/// Whether a submission with this status can be retried by hand.
pub(super) fn is_retriable(status: Status) -> bool {
    status.is_final() && status.may_become(Status::Pending)
}

/// What can be done with it. The forms post to `target`, and then lead `back`.
pub(super) fn actions(shown: &Shown, target: &str, back: &str) -> Markup {
    let status = Status::from_name(shown.status);
    let is_open = status.is_some_and(|status| !status.is_final());
    let is_over = status.is_some_and(is_retriable);
    html! {
        @for (action, label, is_offered) in [("cancel", "Cancel", is_open), ("retry", "Retry", is_over)] {
            form method="post" action={ (target) "/" (action) } data-action=(action) hidden[!is_offered] {
                input type="hidden" name="back" value=(back);
                // Each button of a list has a name of its own.
                button { (label) span.unseen { " " span data-field="excerpt" { (shown.excerpt) } } }
            }
        }
    }
}
