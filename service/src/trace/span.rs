//! The two kinds of spans: a request's span belongs to its client's trace, and a batch's span starts a trace of its own
//! that links to those of its posts.

use contract::TraceContext;
use contract::trace_context::{SpanId, TraceId};
use opentelemetry::trace::{
    self as otel, Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, TraceState,
    Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};

/// Makes spans. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tracer(SdkTracer);

/// What happens to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchStep {
    /// It is sent to a topic.
    Sent,
    /// It is fetched from a topic and processed.
    Processed,
}

impl Tracer {
    pub(super) fn new(tracer: SdkTracer) -> Self {
        Self(tracer)
    }

    /// A request's span, whose parent is the client's span if there is one. It exists even if it is not recorded, so
    /// that later steps know their trace.
    pub fn request(&self, name: &'static str, parent: Option<TraceContext>) -> Span {
        let parent = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(remote(parent)));
        self.0.build_with_context(SpanBuilder::from_name(name).with_kind(SpanKind::Server), &parent).into()
    }

    /// The span of a batch of posts with these contexts; `None` if it is not recorded. It links to the recorded posts.
    /// The posts of a bulk share one context, and get one link.
    pub fn batch(&self, name: String, step: BatchStep, posts: impl Iterator<Item = TraceContext>) -> Option<Span> {
        let mut posts: Vec<TraceContext> = posts.collect();
        if posts.iter().any(|post| post.is_sampled()) {
            posts.retain(|post| post.is_sampled());
        }
        posts.dedup();
        let kind = match step {
            BatchStep::Sent => SpanKind::Producer,
            BatchStep::Processed => SpanKind::Consumer,
        };
        let links = posts.into_iter().map(|post| Link::with_context(remote(post))).collect();
        let builder = SpanBuilder::from_name(name).with_kind(kind).with_links(links);
        let span = Span::from(self.0.build_with_context(builder, &Context::new()));
        span.is_recorded().then_some(span)
    }
}

/// A span that has started; it ends when it is dropped. Boxed, so that a request's state is no larger without tracing.
#[derive(Debug)]
pub struct Span(Box<SdkSpan>);

impl From<SdkSpan> for Span {
    fn from(span: SdkSpan) -> Self {
        Self(Box::new(span))
    }
}

impl Span {
    /// Its context, for later steps.
    pub fn context(&self) -> TraceContext {
        let context = self.0.span_context();
        TraceContext {
            trace_id: TraceId(context.trace_id().to_bytes()),
            span_id: SpanId(context.span_id().to_bytes()),
            flags: context.trace_flags().to_u8(),
        }
    }

    /// Whether it is recorded, so that setting attributes is worthwhile.
    pub fn is_recorded(&self) -> bool {
        self.0.is_recording()
    }

    /// Sets an attribute, named by one of OpenTelemetry's semantic conventions.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// Marks it as failed: `kind` is one of a few words, `message` is for people.
    pub fn fail(&mut self, kind: impl Into<Value>, message: impl Into<String>) {
        self.set("error.type", kind);
        self.0.set_status(Status::error(message.into()));
    }
}

/// A context that arrived over the wire.
fn remote(context: TraceContext) -> SpanContext {
    let (trace_id, span_id) =
        (otel::TraceId::from_bytes(context.trace_id.0), otel::SpanId::from_bytes(context.span_id.0));
    SpanContext::new(trace_id, span_id, TraceFlags::new(context.flags), true, TraceState::NONE)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};

    use super::*;
    use crate::trace::sampler::LinksDecide;

    /// A client's context; with flags of 0 it records nothing.
    fn client(flags: u8) -> TraceContext {
        TraceContext { trace_id: TraceId([7; 16]), span_id: SpanId([9; 8]), flags }
    }

    fn tracer(root: Sampler) -> Tracer {
        let sampler = LinksDecide::of(Box::new(Sampler::ParentBased(Box::new(root))));
        Tracer::new(SdkTracerProvider::builder().with_sampler(sampler).build().tracer("test"))
    }

    #[test]
    fn a_request_belongs_to_its_clients_trace() {
        let tracer = tracer(Sampler::AlwaysOn);
        for flags in [0, 1] {
            let span = tracer.request("POST /create-post", Some(client(flags)));
            assert_eq!(span.context().trace_id, client(flags).trace_id);
            assert_ne!(span.context().span_id, client(flags).span_id);
            assert_eq!((span.is_recorded(), span.context().is_sampled()), (flags == 1, flags == 1));
        }
        let of_nobody = tracer.request("POST /create-post", None).context();
        assert!(of_nobody.is_sampled() && of_nobody.trace_id != client(1).trace_id);
        assert_eq!(TraceContext::parse(&of_nobody.to_traceparent()), Some(of_nobody));
    }

    #[test]
    fn a_batch_is_recorded_if_any_of_its_posts_is() {
        for (posts, root, is_recorded) in [
            (&[1, 1][..], Sampler::AlwaysOn, true),
            (&[0, 1], Sampler::AlwaysOff, true),
            (&[0, 0], Sampler::AlwaysOn, false),
            (&[], Sampler::AlwaysOn, true),
            (&[], Sampler::AlwaysOff, false),
        ] {
            let contexts = posts.iter().map(|flags| client(*flags));
            let span = tracer(root.clone()).batch("process post".to_owned(), BatchStep::Processed, contexts);
            assert_eq!(span.is_some(), is_recorded, "{posts:?} {root:?}");
            assert!(span.is_none_or(|span| span.context().trace_id != client(1).trace_id), "a trace of its own");
        }
    }
}
