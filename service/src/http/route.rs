//! The routes of a service, as data.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode};

use crate::auth::{Caller, Denial, Needs};
use crate::http::request_body::RequestBody;
use crate::{Access, problem};

/// A path and one method that it accepts; with GET also HEAD. A path that accepts several methods has a route for each.
#[derive(Debug, Clone)]
pub struct Route {
    /// The path. A segment in braces, such as `{id}`, stands for any segment that is not empty.
    pub path: &'static str,
    /// The method.
    pub method: Method,
    /// What it does, in a line of Markdown.
    pub meaning: &'static str,
    /// What its caller must have, where credentials are asked for.
    pub needs: Needs,
    /// Whether the path may end with a slash, too.
    is_slash_optional: bool,
}

impl Route {
    /// A path that accepts GET.
    pub const fn get(path: &'static str, meaning: &'static str) -> Self {
        Self { path, method: Method::GET, meaning, needs: Needs::Caller, is_slash_optional: false }
    }

    /// A path that accepts POST.
    pub const fn post(path: &'static str, meaning: &'static str) -> Self {
        Self { path, method: Method::POST, meaning, needs: Needs::Caller, is_slash_optional: false }
    }

    /// The same, with or without a slash at the end of the path.
    #[must_use]
    pub const fn with_or_without_slash(mut self) -> Self {
        self.is_slash_optional = true;
        self
    }

    /// The same, for everybody.
    #[must_use]
    pub const fn open(mut self) -> Self {
        self.needs = Needs::Nothing;
        self
    }

    /// The same, for those who may use this kind of record, unless it is for everybody.
    #[must_use]
    pub fn of_kind(mut self, kind: &'static str) -> Self {
        if self.needs != Needs::Nothing {
            self.needs = Needs::Kind(kind);
        }
        self
    }

    /// What a request's path has in place of the segment in braces.
    pub fn parameter<'p>(&self, path: &'p str) -> Option<&'p str> {
        let place = self.path.split('/').position(is_parameter)?;
        path.split('/').nth(place)
    }

    /// Whether everybody may use it.
    pub fn is_open(&self) -> bool {
        self.needs == Needs::Nothing
    }

    /// Whether a request's path is one of this route's.
    pub(super) fn matches(&self, path: &str) -> bool {
        let path = path.strip_suffix('/').filter(|_| self.is_slash_optional).unwrap_or(path);
        let (mut own, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), given.next()) {
                (None, None) => return true,
                (Some(own), Some(given)) if own == given || is_parameter(own) && !given.is_empty() => {}
                _ => return false,
            }
        }
    }

    /// Whether it accepts this method. HEAD is a GET whose answer loses its body on the way out.
    pub(super) fn accepts(&self, method: &Method) -> bool {
        *method == self.method || (self.method == Method::GET && *method == Method::HEAD)
    }

    /// The methods that it accepts, as the `Allow` header names them.
    pub(super) fn allowed(&self) -> &str {
        if self.method == Method::GET { "GET, HEAD" } else { self.method.as_str() }
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.starts_with('{')
}

/// Answers a service's own routes.
pub trait Handler: Send + Sync + 'static {
    /// The service's own routes; they stay the same for as long as it runs. A path that is written out has precedence
    /// over those with a segment in braces; of the others, the first one that matches counts.
    fn routes(&self) -> &[Route];

    /// What asks callers for what the routes need; `None` if everything is open.
    fn access(&self) -> Option<&Access>;

    /// The answer to a request for one of [`Self::routes`] that is not served for this reason, where it is another one
    /// than [`Denial::response`]: a person may be led to where he can sign in.
    fn denied(&self, _: &Route, _: &Request<RequestBody>, _: &Denial) -> Option<Response<Full<Bytes>>> {
        None
    }

    /// Answers a request of this caller for one of [`Self::routes`].
    fn answer(
        &self,
        route: &Route,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send;
}

/// For a service that has only the health endpoints.
pub struct NoRoutes;

impl Handler for NoRoutes {
    fn routes(&self) -> &[Route] {
        &[]
    }

    fn access(&self) -> Option<&Access> {
        None
    }

    async fn answer(&self, _: &Route, _: &mut Request<RequestBody>, _: &Caller) -> Response<Full<Bytes>> {
        problem::response(StatusCode::NOT_FOUND, "there is no such path")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_in_braces_stands_for_any_segment() {
        let route = Route::get("/jobs/{id}/retry", "");
        for (path, parameter) in [
            ("/jobs/1/retry", Some("1")),
            ("/jobs/%2F/retry", Some("%2F")),
            ("/jobs//retry", None),
            ("/jobs/1", None),
            ("/jobs/1/retry/", None),
            ("/jobs/1/2/retry", None),
            ("/job/1/retry", None),
        ] {
            assert_eq!(route.matches(path), parameter.is_some(), "{path}");
            if parameter.is_some() {
                assert_eq!(route.parameter(path), parameter);
            }
        }
        assert_eq!(Route::get("/jobs", "").parameter("/jobs"), None);
    }

    #[test]
    fn the_last_slash_is_optional_only_where_it_is_said() {
        let (one, any) = (Route::get("/jobs/{id}", ""), Route::get("/jobs", ""));
        for (route, path, without, with) in [
            (&one, "/jobs/1", true, true),
            (&one, "/jobs/1/", false, true),
            (&one, "/jobs/", false, false),
            (&one, "/jobs/1//", false, false),
            (&any, "/jobs", true, true),
            (&any, "/jobs/", false, true),
            (&any, "/jobs//", false, false),
        ] {
            assert_eq!(route.matches(path), without, "{path}");
            assert_eq!(route.clone().with_or_without_slash().matches(path), with, "{path}");
        }
    }
}
