//! The routes of a service, as data.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode};

use crate::http::request_body::RequestBody;
use crate::problem;

/// A path and the one method that it accepts; with GET also HEAD.
#[derive(Debug, Clone)]
pub struct Route {
    /// The path.
    pub path: &'static str,
    /// The method.
    pub method: Method,
    /// What it does, in a line of Markdown.
    pub meaning: &'static str,
}

impl Route {
    /// Whether it accepts this method. HEAD is a GET whose answer loses its body on the way out.
    pub(super) fn accepts(&self, method: &Method) -> bool {
        *method == self.method || (self.method == Method::GET && *method == Method::HEAD)
    }

    /// The methods that it accepts, as the `Allow` header names them.
    pub(super) fn allowed(&self) -> &str {
        if self.method == Method::GET { "GET, HEAD" } else { self.method.as_str() }
    }
}

/// Answers a service's own routes.
pub trait Handler: Send + Sync + 'static {
    /// The service's own routes; they stay the same for as long as it runs.
    fn routes(&self) -> &[Route];

    /// Answers a request whose path and method are one of [`Self::routes`].
    fn answer(&self, request: &mut Request<RequestBody>) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// For a service that has only the health endpoints.
pub struct NoRoutes;

impl Handler for NoRoutes {
    fn routes(&self) -> &[Route] {
        &[]
    }

    async fn answer(&self, _: &mut Request<RequestBody>) -> Response<Full<Bytes>> {
        problem::response(StatusCode::NOT_FOUND, "there is no such path")
    }
}
