//! The two kinds of spans that there are: one of a request, within its client's trace, and one of a batch, with a trace of
//! its own that links to those of its posts.

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

/// What is done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// It is sent to a topic.
    Sent,
    /// It is taken from a topic and processed.
    Processed,
}

impl Tracer {
    pub(super) fn new(tracer: SdkTracer) -> Self {
        Self(tracer)
    }

    /// A span of a request, that of its client being the parent if there is one. It is there in any case, so that what
    /// comes after knows its trace, also if that is not recorded.
    pub fn request(&self, name: &'static str, parent: Option<TraceContext>) -> Span {
        let parent = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(remote(parent)));
        self.0.build_with_context(SpanBuilder::from_name(name).with_kind(SpanKind::Server), &parent).into()
    }

    /// A span of a batch of posts that have these contexts; `None` if it is not recorded. It links to the posts that are
    /// recorded.
    pub fn batch(&self, name: String, what: Batch, posts: impl Iterator<Item = TraceContext>) -> Option<Span> {
        let mut posts: Vec<TraceContext> = posts.collect();
        if posts.iter().any(|post| post.is_sampled()) {
            posts.retain(|post| post.is_sampled());
        }
        let kind = match what {
            Batch::Sent => SpanKind::Producer,
            Batch::Processed => SpanKind::Consumer,
        };
        let links = posts.into_iter().map(|post| Link::with_context(remote(post))).collect();
        let builder = SpanBuilder::from_name(name).with_kind(kind).with_links(links);
        let span = Span::from(self.0.build_with_context(builder, &Context::new()));
        span.is_recorded().then_some(span)
    }
}

/// A span that has begun; it ends when it is dropped. Boxed, so that without tracing the state of a request is not larger.
#[derive(Debug)]
pub struct Span(Box<SdkSpan>);

impl From<SdkSpan> for Span {
    fn from(span: SdkSpan) -> Self {
        Self(Box::new(span))
    }
}

impl Span {
    /// Where it stands, for what comes after it.
    pub fn context(&self) -> TraceContext {
        let context = self.0.span_context();
        TraceContext {
            trace_id: TraceId(context.trace_id().to_bytes()),
            span_id: SpanId(context.span_id().to_bytes()),
            flags: context.trace_flags().to_u8(),
        }
    }

    /// Whether it is worth telling more of it.
    pub fn is_recorded(&self) -> bool {
        self.0.is_recording()
    }

    /// Sets an attribute; its name is one of OpenTelemetry's semantic conventions.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.set_attribute(KeyValue::new(name, value));
    }

    /// What it stands for has failed: `kind` is one of a few words, `message` for people.
    pub fn fail(&mut self, kind: impl Into<Value>, message: impl Into<String>) {
        self.set("error.type", kind);
        self.0.set_status(Status::error(message.into()));
    }
}

/// A context that came over the wire.
fn remote(context: TraceContext) -> SpanContext {
    let (trace_id, span_id) =
        (otel::TraceId::from_bytes(context.trace_id.0), otel::SpanId::from_bytes(context.span_id.0));
    SpanContext::new(trace_id, span_id, TraceFlags::new(context.flags), true, TraceState::NONE)
}
