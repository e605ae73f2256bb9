//! Traces for OpenTelemetry: spans of requests and of batches, sent to an OTLP endpoint. Each `run` has its own
//! [`Tracing`] and nothing is global, so two services in one process do not mix. Without an endpoint there is no
//! [`Tracer`], and tracing costs a look at an `Option`.
//!
//! Spans wait in a bounded queue; a thread of the SDK sends them, and drops those that do not fit. Only the end of the
//! service waits for the endpoint, for [`STOP_TIMEOUT`] at most.

use std::time::Duration;

use anyhow::Context as _;
use contract::TraceContext;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Config, SdkTracerProvider};
use tracing::field::{DisplayValue, display};

use crate::ServiceConfig;
use crate::trace::client::Client;
use crate::trace::reporting::Reporting;
use crate::trace::sampler::LinksDecide;

mod client;
mod endpoint;
mod reporting;
mod sampler;
mod span;

pub use endpoint::Endpoint;
pub use span::{BatchStep, Span, Tracer};

/// How long the end of a service waits for spans that are not sent yet.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The SDK's name for a service without one.
const UNNAMED: &str = "unknown_service";

/// The tracing of one service, if it is on. End it with [`Self::stop`].
#[derive(Debug)]
pub struct Tracing {
    provider: Option<SdkTracerProvider>,
    tracer: Option<Tracer>,
}

impl Tracing {
    /// Starts tracing if the configuration names an endpoint. The SDK reads its own standard variables
    /// (`OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`, `OTEL_BSP_…`).
    ///
    /// # Errors
    /// When one of those asks for something that is not built in.
    pub fn start(config: &ServiceConfig, service_name: &'static str) -> anyhow::Result<Self> {
        let Some(endpoint) = &config.otlp_endpoint else {
            return Ok(Self { provider: None, tracer: None });
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint.traces_url())
            .with_http_client(Client::new())
            .build()
            .context("cannot send traces as the OTEL_EXPORTER_OTLP_ variables say")?;
        let provider = SdkTracerProvider::builder()
            .with_sampler(LinksDecide::of(Config::default().sampler))
            .with_resource(resource(service_name))
            .with_batch_exporter(Reporting::new(exporter, endpoint.traces_url()))
            .build();
        let tracer = Tracer::new(provider.tracer(service_name));
        tracing::info!(endpoint = endpoint.traces_url(), "traces are sent");
        Ok(Self { provider: Some(provider), tracer: Some(tracer) })
    }

    /// Makes spans; `None` when there is no endpoint.
    pub fn tracer(&self) -> Option<Tracer> {
        self.tracer.clone()
    }

    /// Sends the spans that wait, for at most two seconds and no longer than `deadline`.
    pub async fn stop(mut self, deadline: impl Future<Output = ()>) {
        let Some(provider) = self.provider.take() else { return };
        let stopping = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(STOP_TIMEOUT));
        tokio::select! {
            stopped = stopping => {
                if !matches!(stopped, Ok(Ok(()))) {
                    tracing::warn!("the last traces were not sent");
                }
            }
            () = deadline => tracing::warn!("no time is left to send the last traces"),
        }
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        // By default, dropping the provider would wait for the endpoint and block async code.
        if let Some(provider) = &self.provider {
            provider.shutdown_with_timeout(Duration::ZERO).ok();
        }
    }
}

/// The `trace_id` of a log line that belongs to this trace, if there is one.
pub fn trace_id(context: Option<TraceContext>) -> Option<DisplayValue<contract::trace_context::TraceId>> {
    context.map(|context| display(context.trace_id))
}

/// The `span_id` of a log line that belongs to this span, if there is one.
pub fn span_id(context: Option<TraceContext>) -> Option<DisplayValue<contract::trace_context::SpanId>> {
    context.map(|context| display(context.span_id))
}

/// What spans say about the service itself. `OTEL_SERVICE_NAME` takes precedence over the service's own name.
fn resource(service_name: &'static str) -> Resource {
    const NAME: &str = "service.name";
    let resource = Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let named = Resource::builder().build().get(&Key::from_static_str(NAME));
    match named {
        Some(name) if !name.as_str().starts_with(UNNAMED) => resource.build(),
        _ => resource.with_service_name(service_name).build(),
    }
}
