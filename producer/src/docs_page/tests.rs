//! The page of the producer's own document.

use contract::Kind;

use super::*;
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

#[test]
fn what_a_document_says_cannot_become_markup() {
    let mut document = document(&[Kind::Post]);
    let hostile = "<script>alert(1)</script>\"'";
    document["info"]["title"] = hostile.into();
    document["paths"]["/create-post"]["post"]["summary"] = hostile.into();
    document["components"]["schemas"]["Post"]["properties"][hostile] = serde_json::json!({ "description": hostile });
    let DocsPage { html, .. } = DocsPage::of(&document);
    assert_eq!(html.matches("<script>").count(), 1, "its own: {html}");
}

#[test]
fn the_policy_allows_no_script_and_no_style_but_the_pages_own() {
    let policy = policy();
    let policy = policy.to_str().unwrap();
    for rule in ["default-src 'none';", "script-src 'sha256-", "style-src 'sha256-", "connect-src 'self';"] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let DocsPage { html, .. } = DocsPage::of(&document(&Kind::BUILT_IN));
    // They would be blocked, and nobody would notice but the reader.
    for blocked in [" style=", " onclick=", "src=", "<link rel=\"stylesheet\""] {
        assert!(!html.contains(blocked), "{blocked}");
    }
}
