//! The page of one submission: all that its row says, in the order in which it happened.

use maud::html;

use crate::page::fields;
use crate::page::frame::{Frame, Root, document};
use crate::page::shown::Shown;
use crate::submission::Submission;

/// What the forms of this page name as the place that they lead back to.
pub(super) const BACK: &str = "one";

/// The document, at this time in milliseconds since 1970.
pub(super) fn render(submission: &Submission, now: i64, frame: Frame<'_>) -> String {
    let shown = Shown::at(now, submission, frame.limits.stuck_after);
    let began = shown.began.as_deref().unwrap_or_default();
    let content = html! {
        p { a href="../" { "All submissions" } }
        section #one data-id=(shown.id) data-status=(shown.status) aria-labelledby="heading" {
            h1 #heading tabindex="-1" data-home { "Submission " code { (shown.id) } }
            p.what { (fields::status(&shown)) " " (fields::since(&shown)) " " (fields::cached(&shown)) }
            p { (fields::reason(&shown)) }
            div.actions { (fields::actions(&shown, &format!("./{}", shown.id), BACK)) }
            h2 { "Content" }
            // A browser drops a first line end here.
            pre tabindex="0" role="region" aria-label="Content" data-field="content" { "\n" (shown.content) }
            h2 { "History" }
            ol.history {
                li { "Submitted " span data-field="created" { (shown.created) } }
                li data-with="retried" hidden[shown.retried.is_none()] {
                    "Retried by hand " span data-field="retried" { (shown.retried.as_deref().unwrap_or_default()) }
                }
                li data-with="setbacks" hidden[shown.setbacks.is_none()] {
                    span data-field="setbacks" { (shown.setbacks.as_deref().unwrap_or_default()) }
                }
                li data-with="began" hidden[shown.began.is_none()] { "Last begun " span data-field="began" { (began) } }
                li {
                    span data-field="status" { (shown.status) } " since " span data-field="changed" { (shown.changed) }
                    span data-with="took" hidden[shown.took.is_none()] {
                        ", " span data-field="took" { (shown.took.as_deref().unwrap_or_default()) }
                        " after it was submitted"
                    }
                }
            }
            p.facts { "attempts " span data-field="attempts" { (shown.attempts) } }
        }
    };
    document(frame, Root::ONE, &format!("{}: {}", shown.status, shown.excerpt), &content)
}
