//! What a person sees in place of a page.

use hyper::StatusCode;
use maud::html;

use crate::page::assets::Assets;
use crate::page::frame::{Root, document};
use crate::page::limits::Limits;

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
    pub(super) fn render(&self, root: Root, assets: &Assets, limits: &Limits) -> String {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let content = html! {
            section {
                h1 { (title) }
                p { (self.detail) }
                p { a href=(root.0) { "All submissions" } }
            }
        };
        document(root, title, assets, limits, &content)
    }
}
