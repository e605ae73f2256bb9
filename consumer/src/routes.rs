//! The consumer's own HTTP route, beside the health endpoints.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, StatusCode};
use kafka::group::Release;
use service::Access;
use service::auth::Caller;
use service::http::{Handler, RequestBody, Route, json};

/// Releases the brakes of all kinds; see `DLQ_MAX_SHARE` and `DLQ_MAX_CONSECUTIVE`.
pub(crate) const RELEASE: &str = "/dead-letters/release";

/// The consumer's routes.
pub const ROUTES: &[Route] = &[Route::post(RELEASE, "202: dead letters of all kinds are allowed again")];

/// Answers [`RELEASE`].
#[derive(Clone)]
pub(crate) struct ConsumerRoutes {
    pub(crate) releases: Vec<Release>,
}

impl Handler for ConsumerRoutes {
    fn routes(&self) -> &[Route] {
        ROUTES
    }

    fn access(&self) -> Option<&Access> {
        None
    }

    async fn answer(&self, _: &Route, _: &mut Request<RequestBody>, _: &Caller) -> Response<Full<Bytes>> {
        self.releases.iter().for_each(Release::release);
        tracing::info!("releasing the brake");
        json(StatusCode::ACCEPTED, r#"{"status":"released"}"#)
    }
}
