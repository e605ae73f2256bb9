//! What all pages have: head, header, the places for notices.

use maud::{DOCTYPE, Markup, html};
use service::auth::Caller;
use service::html::without_unfit;

use crate::page::assets::Assets;
use crate::page::limits::Limits;

/// Allows exactly the site's own script, style and icon, requests to the site and forms for it. No other site can frame
/// a page.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A sheet with a check mark, for the browser's tab.
const ICON: &str = "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E\
     %3Cpath%20d='M3%201h10v14H3z'%20fill='%2300664f'/%3E%3Cpath%20d='M5%208.5l2%202%204-5'%20stroke='white'%20\
     stroke-width='1.5'%20fill='none'/%3E%3C/svg%3E";

/// Where the site is, seen from a page. Links are relative, so that they also work behind a proxy that serves the site
/// under another path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Root(pub(super) &'static str);

impl Root {
    /// Of the page with the list.
    pub(super) const LIST: Root = Root("./");
    /// Of the page of one submission.
    pub(super) const ONE: Root = Root("../");
    /// Of the targets of the forms of one submission.
    pub(super) const ACTION: Root = Root("../../");
}

/// What is around the content of a page.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) assets: &'a Assets,
    pub(super) limits: &'a Limits,
    pub(super) visitor: Visitor<'a>,
}

/// Who looks at a page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Visitor<'a> {
    /// Where nobody is asked who he is, there is none.
    name: Option<&'a str>,
    is_signed_in: bool,
}

impl<'a> Visitor<'a> {
    pub(super) fn of(caller: &'a Caller) -> Self {
        Self { name: caller.name(), is_signed_in: caller.is_signed_in() }
    }
}

/// A page with this content.
pub(super) fn document(frame: Frame<'_>, root: Root, title: &str, content: &Markup) -> String {
    let Frame { assets, limits, visitor } = frame;
    let is_list = root == Root::LIST;
    let Root(root) = root;
    let site = html! { a href=(root) { "Submissions" } };
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href=(ICON);
                link rel="stylesheet" href={ (root) (assets.style.link()) };
                script src={ (root) (assets.script.link()) } defer {}
            }
            body data-root=(root) data-max-chars=(limits.max_chars) data-limit=(limits.rows)
                data-stuck-after=(limits.stuck_after.as_millis()) data-silence=(limits.silence.as_millis()) {
                header {
                    div {
                        // The heading of the whole; a page of its own has its own.
                        @if is_list { h1.site { (site) } } @else { p.site { (site) } }
                        nav aria-label="Site" {
                            a href={ (root) "docs" } { "HTTP API" } " "
                            a href={ (root) "status" } { "Status" } " "
                            a href={ (root) "metrics" } { "Metrics" }
                        }
                        (account(root, visitor))
                    }
                }
                // Both are there from the start, because a reader follows only regions that it knows.
                div.notices role="status" { p #connection {} (signed_out(root, visitor)) p #notice {} }
                p #announcement.unseen role="status" {}
                main { (content) }
            }
        }
    };
    without_unfit(&document.into_string())
}

/// Who is signed in, and how to end that. Whose credential a proxy adds cannot end it here.
fn account(root: &str, Visitor { name, is_signed_in }: Visitor<'_>) -> Markup {
    html! {
        @if let Some(name) = name {
            form.account method="post" action={ (root) "sign-out" } {
                span { "Signed in as " strong { (name) } }
                @if is_signed_in { button { "Sign out" } }
            }
        }
    }
}

/// What scripts show when the session is over. The link leaves this page as it is, with what was written in it.
fn signed_out(root: &str, visitor: Visitor<'_>) -> Markup {
    html! {
        @if visitor.is_signed_in {
            p #signed-out hidden {
                "Your session is over. "
                a href={ (root) "sign-in" } target="_blank" rel="noopener" { "Sign in again in another tab" }
                "; this page then continues, with what you have written."
            }
        }
    }
}
