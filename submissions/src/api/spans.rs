//! A span for each request to the API, with the names and attributes of OpenTelemetry's semantic conventions.

use contract::{TraceContext, record};
use hyper::header::HeaderMap;
use hyper::{Method, StatusCode};
use service::Tracer;
use service::http::Route;
use service::trace::Span;

/// The span of a request for this route, which starts now. No text of a client's own becomes an attribute.
pub(super) fn begin(tracer: &Tracer, route: &Route, headers: &HeaderMap) -> Span {
    let client = headers.get(record::TRACEPARENT_HEADER).and_then(|value| TraceContext::parse(value.as_bytes()));
    let mut span = tracer.request(name(route), client);
    if span.is_recorded() {
        let method = if route.method == Method::POST { "POST" } else { "GET" };
        span.set("http.request.method", method);
        span.set("http.route", route.path);
        span.set("url.scheme", "http");
    }
    span
}

/// The request is answered, and its span ends. By the conventions, a client's error is not the server's.
pub(super) fn answered(mut span: Span, status: StatusCode) {
    if !span.is_recorded() {
        return;
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.fail(i64::from(status.as_u16()).to_string(), "the service could not do what it was asked to");
    }
}

/// Method and path, as the span is called.
fn name(route: &Route) -> &'static str {
    let named = NAMES.iter().find_map(|name| name.split_once(' ').filter(|named| is(route, *named)).map(|_| *name));
    named.unwrap_or("other")
}

fn is(route: &Route, (method, path): (&str, &str)) -> bool {
    route.path == path && route.method == method
}

const NAMES: [&str; 10] = [
    "POST /api/submissions",
    "GET /api/submissions",
    "POST /api/submissions/bulk",
    "POST /api/submissions/retry",
    "GET /api/submissions/{id}",
    "POST /api/submissions/{id}/cancel",
    "POST /api/submissions/{id}/retry",
    "GET /api/dead-letters",
    "GET /api/stats",
    "GET /api/workers",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_its_name() {
        for route in crate::api::ROUTES {
            assert_eq!(name(route), format!("{} {}", route.method, route.path));
        }
    }
}
