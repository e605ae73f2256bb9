//! The routes of the description of the interface, whatever the kinds.

use service::documentation::{DOCS_PATH, OPENAPI_PATH};
use service::http::Route;

/// The routes of the description.
pub const DOCUMENTATION_ROUTES: &[Route] = &[
    Route::get(OPENAPI_PATH, "the OpenAPI 3.1 document of the kinds that are served").open(),
    Route::get(DOCS_PATH, "the same as a page from which requests can be sent").open(),
];

#[cfg(test)]
mod tests {
    use contract::Kind;
    use service::docs_page::DocsPage;

    use crate::openapi::document;

    #[test]
    fn every_operation_is_on_the_page_with_its_fields_and_answers() {
        let DocsPage { html, .. } = DocsPage::of(&document(&Kind::BUILT_IN));
        for part in [
            r#"id="createPost""#,
            r#"<code>/api/orders/bulk</code>"#,
            r#"<code>/readyz</code>"#,
            "<td>string, 2 to 100 characters</td>",
            "<code>Idempotency-Key</code> in the header",
            "<strong>503</strong>",
            r#"data-path="/create-posts""#,
            "&quot;title&quot;:&quot;Hello&quot;",
            "<code>application/x-ndjson</code>",
        ] {
            assert!(html.contains(part), "{part} in\n{html}");
        }
    }

    #[test]
    fn a_kind_that_is_not_served_is_not_on_the_page() {
        let DocsPage { html, .. } = DocsPage::of(&document(&[Kind::Post]));
        assert!(html.contains("createPost"), "{html}");
        assert!(!html.contains("createOrder") && !html.contains("/api/"), "{html}");
    }
}
