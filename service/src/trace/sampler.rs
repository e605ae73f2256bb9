//! Decides whether a batch's span is recorded, as if the first of its recorded posts were its parent. With a sampler
//! that follows parents, as the default does, only the batches of recorded posts are recorded.

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingResult, ShouldSample};

/// Asks another sampler; for a span with links, one of them takes the parent's place.
#[derive(Debug, Clone)]
pub(super) struct LinksDecide {
    sampler: Box<dyn ShouldSample>,
}

impl LinksDecide {
    pub(super) fn of(sampler: Box<dyn ShouldSample>) -> Self {
        Self { sampler }
    }
}

impl ShouldSample for LinksDecide {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let decisive = links.iter().find(|link| link.span_context.is_sampled()).or(links.first());
        let linked = decisive.map(|link| Context::new().with_remote_span_context(link.span_context.clone()));
        self.sampler.should_sample(linked.as_ref().or(parent), trace_id, name, kind, attributes, links)
    }
}
