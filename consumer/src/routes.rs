//! The consumer's own HTTP routes, beside the health endpoints.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode};
use kafka::group::Release;
use service::Access;
use service::auth::Caller;
use service::http::sender::{Sender, sender};
use service::http::{Handler, RequestBody, Route, json};
use service::problem;

use crate::administration::Reports;

/// Releases the brakes of all kinds; see `DLQ_MAX_SHARE` and `DLQ_MAX_CONSECUTIVE`.
pub(crate) const RELEASE: &str = "/dead-letters/release";

/// The consumer's routes.
pub const ROUTES: &[Route] = &[
    Route::post(RELEASE, "202: dead letters of all kinds are allowed again"),
    Route::get(
        TOPICS,
        "200 with the topics of the kinds, as `consumer topics --json`; 503 while Kafka does not answer",
    ),
    Route::get(
        GROUPS,
        "200 with the groups of the kinds, as `consumer groups --json`; 503 while Kafka does not answer",
    ),
    Route::get(
        KINDS,
        "200 with the kinds that are served, and since when and by whom they are paused; 503 without MongoDB",
    ),
    Route::post(PAUSE, "200: all members stop fetching the kind within about a second, as by `consumer pause`"),
    Route::post(RESUME, "200: all members fetch it again, as by `consumer resume`"),
];

/// The kinds, and which of them are paused.
const KINDS: &str = "/kinds";

/// Pauses a kind.
const PAUSE: &str = "/kinds/{kind}/pause";

/// Resumes it.
const RESUME: &str = "/kinds/{kind}/resume";

/// The topics of the kinds.
const TOPICS: &str = "/topics";

/// The groups of the kinds.
const GROUPS: &str = "/groups";

/// Answers [`ROUTES`].
#[derive(Clone)]
pub(crate) struct ConsumerRoutes {
    /// [`ROUTES`], or none of them.
    pub(crate) served: &'static [Route],
    pub(crate) releases: Vec<Release>,
    pub(crate) reports: Reports,
}

impl Handler for ConsumerRoutes {
    fn routes(&self) -> &[Route] {
        self.served
    }

    fn access(&self) -> Option<&Access> {
        None
    }

    async fn answer(&self, route: &Route, request: &mut Request<RequestBody>, _: &Caller) -> Response<Full<Bytes>> {
        // A page that somebody looks at inside the network reaches what its author does not.
        if route.method == Method::POST && sender(request.headers()) == Sender::Other {
            return problem::response(StatusCode::FORBIDDEN, "a page of another site must not change anything here");
        }
        match route.path {
            TOPICS => self.reports.topics().await,
            GROUPS => self.reports.groups().await,
            KINDS => self.reports.kinds().await,
            PAUSE | RESUME => {
                let kind = route.parameter(request.uri().path()).unwrap_or_default();
                self.reports.set_paused(kind, route.path == PAUSE).await
            }
            _ => {
                self.releases.iter().for_each(Release::release);
                tracing::info!("releasing the brake");
                json(StatusCode::ACCEPTED, r#"{"status":"released"}"#)
            }
        }
    }
}
