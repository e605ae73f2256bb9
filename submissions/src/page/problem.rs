//! What a person sees in place of a page.

use hyper::StatusCode;
use maud::html;

use crate::page::frame::{Frame, Root, document};

/// Why there is no page, and where the reader can continue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) detail: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into() }
    }

    /// The document.
    pub(super) fn render(&self, frame: Frame<'_>, root: Root) -> String {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let content = html! {
            section {
                h1 { (title) }
                p { (self.detail) }
                p { a href=(root.0) { "All submissions" } }
            }
        };
        document(frame, root, title, &content)
    }
}
