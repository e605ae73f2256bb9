//! `GET /openapi.json` and `GET /docs`: both are made once, when a service starts, from the document that describes its
//! HTTP interface.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::docs_page::DocsPage;
use crate::http::{json, response};
use crate::openapi;

/// The path of the OpenAPI document.
pub const OPENAPI_PATH: &str = "/openapi.json";

/// The path of the documentation page.
pub const DOCS_PATH: &str = "/docs";

/// The answers.
pub struct Documentation {
    json: Bytes,
    html: Bytes,
    policy: HeaderValue,
}

impl Documentation {
    /// That of this document.
    pub fn new(document: &Value) -> Self {
        let DocsPage { html, policy } = DocsPage::of(document);
        Self { json: Bytes::from(openapi::pretty(document)), html: Bytes::from(html), policy }
    }

    /// The OpenAPI document.
    pub fn json(&self) -> Response<Full<Bytes>> {
        json(StatusCode::OK, self.json.clone())
    }

    /// The page.
    pub fn page(&self) -> Response<Full<Bytes>> {
        let mut response = response(StatusCode::OK, "text/html; charset=utf-8", self.html.clone());
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}
