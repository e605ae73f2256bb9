//! `GET /openapi.json` and `GET /docs`: both are made once, when the producer starts.

use bytes::Bytes;
use contract::Kind;
use http_body_util::Full;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Response, StatusCode};
use service::http::{Route, json, response};

use crate::docs_page::DocsPage;
use crate::openapi::{document, openapi};
use crate::paths;

/// The routes served here, whatever the kinds.
pub const DOCUMENTATION_ROUTES: &[Route] = &[
    get(paths::OPENAPI, "the OpenAPI 3.1 document of the kinds that are served"),
    get(paths::DOCS, "the same as a page from which requests can be sent"),
];

const fn get(path: &'static str, meaning: &'static str) -> Route {
    Route { path, method: Method::GET, meaning }
}

/// The answers.
pub(crate) struct Documentation {
    json: Bytes,
    html: Bytes,
    policy: HeaderValue,
}

impl Documentation {
    /// That of these kinds.
    pub(crate) fn new(kinds: &[Kind]) -> Self {
        let DocsPage { html, policy } = DocsPage::of(&document(kinds));
        Self { json: Bytes::from(openapi(kinds)), html: Bytes::from(html), policy }
    }

    /// The OpenAPI document.
    pub(crate) fn json(&self) -> Response<Full<Bytes>> {
        json(StatusCode::OK, self.json.clone())
    }

    /// The page.
    pub(crate) fn page(&self) -> Response<Full<Bytes>> {
        let mut response = response(StatusCode::OK, "text/html; charset=utf-8", self.html.clone());
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}
