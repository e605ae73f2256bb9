//! The routes of a service, as data.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode};

use crate::http::request_body::RequestBody;
use crate::problem;

/// A path and the one method that it accepts.
#[derive(Debug)]
pub struct Route {
    /// The path.
    pub path: &'static str,
    /// The method.
    pub method: Method,
    /// What it does, in a line of Markdown.
    pub meaning: &'static str,
}

/// Answers a service's own routes.
pub trait Handler: Send + Sync + 'static {
    /// The service's own routes.
    const ROUTES: &'static [Route];

    /// Answers a request whose path and method are one of [`Self::ROUTES`].
    fn answer(&self, request: &mut Request<RequestBody>) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// For a service that has only the health endpoints.
pub struct NoRoutes;

impl Handler for NoRoutes {
    const ROUTES: &'static [Route] = &[];

    async fn answer(&self, _: &mut Request<RequestBody>) -> Response<Full<Bytes>> {
        problem::response(StatusCode::NOT_FOUND, "there is no such path")
    }
}
