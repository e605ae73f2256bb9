//! What a process with the API serves: the API, the page and the description. Until the database is open, the first two
//! answer 503.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response};
use service::auth::{Caller, Denial};
use service::documentation::{DOCS_PATH, Documentation, OPENAPI_PATH};
use service::http::{Handler, RequestBody, Route};
use service::{Access, problem};

use crate::api::{self, Api};
use crate::page::{self, Page};

/// The routes of the description.
pub const DOCUMENTATION_ROUTES: &[Route] = &[
    Route::get(OPENAPI_PATH, "the OpenAPI 3.1 document of the API").open(),
    Route::get(DOCS_PATH, "the same as a page from which requests can be sent").open(),
];

/// What needs the database.
pub(crate) struct Opened {
    pub(crate) api: Api,
    pub(crate) page: Page,
}

/// The handlers of all routes.
pub(crate) struct SubmissionsRoutes {
    routes: Vec<Route>,
    opened: Arc<OnceLock<Opened>>,
    documentation: Documentation,
    access: Option<Access>,
}

impl SubmissionsRoutes {
    pub(crate) fn new(opened: Arc<OnceLock<Opened>>, documentation: Documentation, access: Option<Access>) -> Self {
        let routes = api::ROUTES.iter().chain(page::ROUTES).chain(DOCUMENTATION_ROUTES);
        let routes = routes.map(|route| route.clone().of_kind(api::KIND)).collect();
        Self { routes, opened, documentation, access }
    }
}

impl Handler for SubmissionsRoutes {
    fn routes(&self) -> &[Route] {
        &self.routes
    }

    fn access(&self) -> Option<&Access> {
        self.access.as_ref()
    }

    fn denied(&self, route: &Route, request: &Request<RequestBody>, denial: &Denial) -> Option<Response<Full<Bytes>>> {
        page::to_sign_in(route, request, denial)
    }

    async fn answer(
        &self,
        route: &Route,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> Response<Full<Bytes>> {
        match route.path {
            OPENAPI_PATH => return self.documentation.json(),
            DOCS_PATH => return self.documentation.page(),
            _ => {}
        }
        let Some(Opened { api, page }) = self.opened.get() else { return not_open(request) };
        if route.path.starts_with(api::PREFIX) {
            api.answer(route, request, caller).await
        } else {
            // Boxed, so that a request to the API does not have this one's size.
            Box::pin(page.answer(route, request, caller)).await
        }
    }
}

/// The answer while the database is not open; a body is not read.
fn not_open(request: &Request<RequestBody>) -> Response<Full<Bytes>> {
    let detail = "the database is not open yet: try again";
    let mut response = problem::unavailable(detail, Duration::from_secs(1));
    if !request.body().is_end_stream() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_says_who_answers() {
        assert!(api::ROUTES.iter().all(|route| route.path.starts_with(api::PREFIX)));
        assert!(page::ROUTES.iter().all(|route| !route.path.starts_with(api::PREFIX)));
    }
}
