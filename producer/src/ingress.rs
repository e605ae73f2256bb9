//! What the handlers of one kind share: how bodies are read, what is counted, where spans go, and what a record is
//! called.

use std::sync::Arc;

use bytes::Bytes;
use contract::{Kind, TraceContext};
use http_body_util::Full;
use hyper::Response;
use hyper::header::HeaderMap;
use service::Tracer;
use service::http::body::BodyReader;
use service::trace::Span;

use crate::metrics::RecordCounters;
use crate::noun::Noun;
use crate::rejection::Rejection;
use crate::{headers, spans};

/// The way in for the records of one kind.
pub(crate) struct Ingress {
    pub(crate) kind: Kind,
    pub(crate) bodies: Arc<BodyReader>,
    pub(crate) counters: RecordCounters,
    pub(crate) tracer: Option<Tracer>,
}

impl Ingress {
    /// What a record is called.
    pub(crate) fn noun(&self) -> Noun {
        Noun::of(self.kind)
    }

    /// The span of a request, if there are traces, and the trace that its records belong to.
    pub(crate) fn begin(
        &self,
        name: &'static str,
        path: &'static str,
        headers: &HeaderMap,
    ) -> (Option<Span>, Option<TraceContext>) {
        let client = headers::trace(headers);
        let span = self.tracer.as_ref().map(|tracer| spans::request(tracer, name, path, client));
        let trace = span.as_ref().map_or(client, |span| Some(span.context()));
        (span, trace)
    }

    /// The answer to a single record that is rejected.
    pub(crate) fn reject(&self, rejection: &Rejection) -> Response<Full<Bytes>> {
        self.counters.rejected(rejection.reason(), 1);
        rejection.response(self.noun())
    }
}
