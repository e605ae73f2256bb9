//! The page with the form and the list.

use std::time::Duration;

use maud::{Markup, html};
use service::status::figures::grouped;

use crate::operations;
use crate::page::fields;
use crate::page::frame::{Frame, Root, document};
use crate::page::limits::Limits;
use crate::page::shown::Shown;
use crate::page::span::span;
use crate::page::view::View;
use crate::rules::MIN_CHARS;
use crate::status::Status;
use crate::store::{Stats, WorkerRow};

/// How often a browser reloads the live view, in seconds.
pub(super) const RELOAD_SECONDS: &str = "3";

/// All that the page shows.
pub(super) struct ListPage<'a> {
    pub(super) view: View,
    pub(super) page: &'a operations::Page,
    pub(super) stats: &'a Stats,
    /// Those of all, for an administrator. Without them the page leaves out what is stuck, too.
    pub(super) workers: Option<&'a [WorkerRow]>,
    pub(super) draft: Draft<'a>,
    /// The time in milliseconds since 1970.
    pub(super) now: i64,
}

/// What is in the form.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    pub(super) content: &'a str,
    /// What is wrong with it.
    pub(super) fault: &'a str,
    /// The form: the same content from the same form is the same submission.
    pub(super) key: String,
}

impl ListPage<'_> {
    /// The document.
    pub(super) fn render(&self, frame: Frame<'_>) -> String {
        let content = html! {
            @if !self.view.is_live { (form(&self.draft)) }
            (overview(self.view, self.stats, self.workers.is_some()))
            (self.list(frame.limits))
            @if let Some(rows) = self.workers { (workers(rows, frame.limits)) }
            template #row { (row(&Shown::default(), self.view)) }
            @if self.workers.is_some() { template #worker { (worker(&WorkerTexts::default())) } }
        };
        document(frame, Root::LIST, &self.view.heading(), &content)
    }

    fn list(&self, limits: &Limits) -> Markup {
        let operations::Page { submissions, next } = self.page;
        let newest = View { after: None, ..self.view };
        let older = View { after: *next, ..self.view };
        let is_empty = submissions.is_empty();
        html! {
            section aria-labelledby="list" {
                div.bar {
                    h2 #list tabindex="-1" { (self.view.heading()) }
                    form method="post" action="./submissions/retry" data-action="retry-all"
                        hidden[self.stats.in_status[Status::Failed as usize] == 0] {
                        input type="hidden" name="status" value=(Status::Failed.as_str());
                        input type="hidden" name="back" value=(self.view.query());
                        button { "Retry all FAILED" }
                    }
                }
                (reloading(self.view))
                ul #rows hidden[is_empty] {
                    @for submission in submissions {
                        (row(&Shown::at(self.now, submission, limits.stuck_after), self.view))
                    }
                }
                p #empty hidden[!is_empty] {
                    @match self.view.status {
                        Some(status) => { "None is " (status.as_str()) "." }
                        None => { "Nothing here yet." }
                    }
                }
                nav.pages aria-label="Pages of the list" {
                    a #newest data-view="page" href=(newest.link()) hidden[self.view.after.is_none()] { "Newest" } " "
                    a #older data-view="page" href=(older.link()) hidden[next.is_none()] { "Older" }
                }
            }
        }
    }
}

/// The form without the list, where the list cannot be read.
pub(super) fn render_form(draft: &Draft<'_>, frame: Frame<'_>) -> String {
    document(frame, Root::LIST, "Submit", &form(draft))
}

fn form(draft: &Draft<'_>) -> Markup {
    html! {
        section aria-labelledby="submit-heading" {
            h2 #submit-heading { "Submit" }
            form #submit method="post" action="./" {
                // Firefox would put the key of an earlier page into it.
                input type="hidden" name="key" value=(draft.key) autocomplete="off";
                label for="content" { "Content" }
                textarea #content name="content" rows="3" required aria-describedby="fault hint"
                    aria-invalid=[(!draft.fault.is_empty()).then_some("true")] {
                    // A browser drops a first line end here.
                    "\n" (draft.content)
                }
                p #fault.alarm role="alert" { (draft.fault) }
                div.bar {
                    p #hint { "Passes with at least " (MIN_CHARS) " characters and a digit. " span #counter {} }
                    button { "Submit" }
                }
            }
        }
    }
}

/// The counts, which also filter.
fn overview(view: View, stats: &Stats, has_stuck: bool) -> Markup {
    let link = |status: Option<Status>, name: &str, count: i64| {
        let target = View { status, after: None, is_live: view.is_live };
        let is_current = view.status == status;
        html! {
            li {
                a data-view="filter" data-status=(name) href=(target.link())
                    aria-current=[is_current.then_some("true")] {
                    span { (name) } " " span.count data-count=(name) { (grouped(count)) }
                }
            }
        }
    };
    let oldest = stats.oldest_pending.map_or("none".to_owned(), |oldest| span(milliseconds(oldest)));
    html! {
        section aria-labelledby="now" {
            h2 #now { "Now" }
            nav aria-label="Filter by status" {
                ul.filters {
                    (link(None, "ALL", stats.in_status.iter().sum()))
                    @for status in Status::ALL {
                        (link(Some(status), status.as_str(), stats.in_status[status as usize]))
                    }
                }
            }
            dl #figures.figures {
                div { dt { "Oldest PENDING" } dd data-field="oldest" { (oldest) } }
                @if has_stuck {
                    div #stuck.alarm[stats.stuck > 0] {
                        dt { "Stuck in PROCESSING" }
                        dd data-field="stuck" { (grouped(stats.stuck)) }
                    }
                }
                div {
                    dt { a href="./api/dead-letters" { "Dead letters" } }
                    dd data-field="dead" { (grouped(stats.dead_letters)) }
                }
            }
        }
    }
}

/// What stands for scripts where there are none.
fn reloading(view: View) -> Markup {
    html! {
        p data-without-script {
            @if view.is_live {
                "Reloads every " (RELOAD_SECONDS) " s. "
                a href=(View { is_live: false, ..view }.link()) { "Stop that, or submit" }
            } @else {
                a href=(View { is_live: true, ..view }.link()) { "Reload every " (RELOAD_SECONDS) " s" }
            }
        }
    }
}

/// One submission. Without one it is what scripts make rows from.
fn row(shown: &Shown, view: View) -> Markup {
    html! {
        li id={ "s-" (shown.id) } data-id=(shown.id) data-status=(shown.status) {
            p.what {
                (fields::status(shown)) " "
                a data-home data-field="excerpt" href={ "./submissions/" (shown.id) } { (shown.excerpt) }
            }
            p.facts {
                (fields::since(shown)) " "
                span { "attempts " span data-field="attempts" { (shown.attempts) } } " "
                (fields::cached(shown)) " " (fields::reason(shown))
            }
            div.actions { (fields::actions(shown, &format!("./submissions/{}", shown.id), &view.query())) }
        }
    }
}

fn workers(workers: &[WorkerRow], limits: &Limits) -> Markup {
    html! {
        section aria-labelledby="workers-heading" {
            h2 #workers-heading { "Workers" }
            ul #workers { @for row in workers { (worker(&WorkerTexts::of(row, limits))) } }
            p #no-workers hidden[!workers.is_empty()] { "None: nothing is worked on until one starts." }
        }
    }
}

/// A worker as texts.
#[derive(Default)]
struct WorkerTexts {
    name: String,
    running: String,
    concurrency: String,
    beat: String,
    is_silent: bool,
}

impl WorkerTexts {
    fn of(row: &WorkerRow, limits: &Limits) -> Self {
        Self {
            name: row.name.clone(),
            running: grouped(row.running),
            concurrency: grouped(row.concurrency),
            beat: span(milliseconds(row.silent)),
            is_silent: row.silent > limits.silence,
        }
    }
}

fn worker(WorkerTexts { name, running, concurrency, beat, is_silent }: &WorkerTexts) -> Markup {
    html! {
        li {
            strong data-field="name" { (name) } " "
            span {
                span data-field="running" { (running) } " of "
                span data-field="concurrency" { (concurrency) } " at work"
            }
            " "
            span { "last heartbeat " span data-field="beat" { (beat) } " ago" } " "
            strong.alarm data-with="silent" hidden[!is_silent] { "silent" }
        }
    }
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
