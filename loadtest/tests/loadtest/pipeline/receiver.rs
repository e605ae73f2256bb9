//! A receiver of traces: OTLP over HTTP, like a collector.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

/// A receiver that runs as long as its test.
pub(crate) struct Receiver {
    pub(crate) endpoint: String,
    spans: Arc<Mutex<Vec<Received>>>,
}

/// A span, and the service that sent it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) service: String,
    pub(crate) span: Span,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&spans);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let received = Arc::clone(&received);
                let service = service_fn(move |request| take(request, Arc::clone(&received)));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { endpoint, spans }
    }

    /// Every span received so far.
    pub(crate) fn spans(&self) -> Vec<Received> {
        self.spans.lock().unwrap().clone()
    }
}

async fn take(
    request: Request<Incoming>,
    received: Arc<Mutex<Vec<Received>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/v1/traces"));
    assert_eq!(request.headers()["content-type"], "application/x-protobuf");
    let body = request.into_body().collect().await.unwrap().to_bytes();
    for of_resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
        let attributes = of_resource.resource.unwrap_or_default().attributes;
        let name = attributes.into_iter().find(|attribute| attribute.key == "service.name");
        let service = text(name.and_then(|name| name.value?.value));
        let spans = of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans);
        received.lock().unwrap().extend(spans.map(|span| Received { service: service.clone(), span }));
    }
    Ok(Response::new(Full::new(ExportTraceServiceResponse::default().encode_to_vec().into())))
}

impl Received {
    /// The attribute as text; empty if it is not there.
    pub(crate) fn attribute(&self, name: &str) -> String {
        let attribute = self.span.attributes.iter().find(|attribute| attribute.key == name).cloned();
        text(attribute.and_then(|attribute| attribute.value?.value))
    }

    /// Whether it links to this span.
    pub(crate) fn links_to(&self, other: &Received) -> bool {
        let is_other =
            |trace_id: &[u8], span_id: &[u8]| trace_id == other.span.trace_id && span_id == other.span.span_id;
        self.span.links.iter().any(|link| is_other(&link.trace_id, &link.span_id))
    }
}

fn text(value: Option<Value>) -> String {
    match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}
