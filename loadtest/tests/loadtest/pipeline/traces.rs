//! Traces: a client's trace is found again in the spans of both services, whatever happens to the receiver.

use contract::TraceContext;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use stack::free_port;
use tokio::net::TcpListener;

use super::receiver::{Received, Receiver};
use super::{Running, exchange, json, post, post_with, wait_for_documents};

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-11111111111111111111111111111111-2222222222222222-00";
const MALFORMED: &str = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";

fn context(traceparent: &str) -> TraceContext {
    TraceContext::parse(traceparent.as_bytes()).unwrap()
}

/// Sends a post with this `traceparent`, and returns its id as the spans have it.
async fn post_within(running: &Running, traceparent: &str, title: &str) -> String {
    let header_line = format!("traceparent: {traceparent}\r\n");
    post_with(&running.address, &header_line, &json(title)).await.unwrap().to_string()
}

async fn stop(running: Running) {
    running.stop.cancel();
    running.ended().await;
}

/// Those of this kind, all of which are the service's.
fn of_kind(spans: &[Received], kind: SpanKind, service: &str) -> Vec<Received> {
    let found: Vec<Received> = spans.iter().filter(|span| span.span.kind == kind as i32).cloned().collect();
    assert!(found.iter().all(|span| span.service == service), "{found:?}");
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_trace_goes_from_its_request_through_the_record_to_the_flush() {
    let receiver = Receiver::start().await;
    let running = Running::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint)]).await;
    let within = post_within(&running, SAMPLED, "within a trace").await;
    let apart = post_within(&running, MALFORMED, "apart").await;
    post_within(&running, NOT_SAMPLED, "not recorded").await;
    post(&running.address, r#"{"title":"x"}"#).await.unwrap_err();
    wait_for_documents(&running.posts, 3).await;
    let topic = running.consumer.kafka.topic.clone();
    // Spans that wait to be sent are sent before the end.
    stop(running).await;

    let spans = receiver.spans();
    let requests = of_kind(&spans, SpanKind::Server, "producer");
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert!(requests.iter().all(|request| request.span.name == "POST /create-post"));
    let request = |id: &str| requests.iter().find(|request| request.attribute("post.id") == id).unwrap();
    let (client, traced) = (context(SAMPLED), request(&within));
    assert_eq!(traced.span.trace_id, client.trace_id.0);
    assert_eq!(traced.span.parent_span_id, client.span_id.0);
    assert_eq!(traced.attribute("http.response.status_code"), "201");
    let untraced = request(&apart);
    assert!(untraced.span.parent_span_id.is_empty() && untraced.span.trace_id != traced.span.trace_id, "{untraced:?}");
    let refused = requests.iter().find(|request| request.attribute("http.response.status_code") == "400").unwrap();
    assert_eq!(refused.attribute("post.rejected"), "invalid");

    let batches = [(SpanKind::Producer, "producer", "send"), (SpanKind::Consumer, "consumer", "process")];
    for (kind, service, operation) in batches {
        let batches = of_kind(&spans, kind, service);
        for batch in &batches {
            assert_eq!(batch.span.name, format!("{operation} {topic}"));
            assert!(batch.span.parent_span_id.is_empty());
            assert_eq!(batch.attribute("messaging.operation.name"), operation);
        }
        for request in [traced, untraced] {
            assert_eq!(batches.iter().filter(|batch| batch.links_to(request)).count(), 1, "{batches:?}");
        }
        let links: usize = batches.iter().map(|batch| batch.span.links.len()).sum();
        assert_eq!(links, 2, "none to what is not recorded: {batches:?}");
    }
    let flushes = of_kind(&spans, SpanKind::Consumer, "consumer");
    let stored: u32 = flushes.iter().map(|flush| flush.attribute("flush.stored").parse::<u32>().unwrap()).sum();
    assert!((2..=3).contains(&stored), "{flushes:?}");
    assert!(spans.iter().all(|span| span.span.trace_id != context(NOT_SAMPLED).trace_id.0), "{spans:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_has_one_span_and_each_batch_one_link_to_it() {
    let receiver = Receiver::start().await;
    let running = Running::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.endpoint)]).await;
    let bulk = format!("[{},{{}},{}]", json("first"), json("second"));
    let head = "POST /create-posts HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length";
    let answer = exchange(&running.address, &format!("{head}: {}\r\n\r\n{bulk}", bulk.len())).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 207"), "{answer}");
    wait_for_documents(&running.posts, 2).await;
    stop(running).await;

    let spans = receiver.spans();
    let [request] = &of_kind(&spans, SpanKind::Server, "producer")[..] else { panic!("not one span: {spans:?}") };
    assert_eq!(request.span.name, "POST /create-posts");
    for (name, value) in [("http.response.status_code", "207"), ("posts.accepted", "2"), ("posts.rejected", "1")] {
        assert_eq!(request.attribute(name), value);
    }
    for (kind, service) in [(SpanKind::Producer, "producer"), (SpanKind::Consumer, "consumer")] {
        let batches = of_kind(&spans, kind, service);
        assert!(!batches.is_empty());
        assert!(batches.iter().all(|batch| batch.span.links.len() == 1 && batch.links_to(request)), "{batches:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_away_or_never_answers_changes_nothing() {
    // Connections are taken by the kernel, and nobody answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for port in [free_port(), silent.local_addr().unwrap().port()] {
        let endpoint = format!("http://127.0.0.1:{port}");
        let running = Running::start(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
        for number in 0..20 {
            post_within(&running, SAMPLED, &format!("Post {number}")).await;
        }
        wait_for_documents(&running.posts, 20).await;
        stop(running).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_a_clients_trace_is_passed_on_and_nothing_is_sent() {
    let receiver = Receiver::start().await;
    let off = Running::start(&[]).await;
    post_within(&off, SAMPLED, "Passed on").await;
    wait_for_documents(&off.posts, 1).await;
    let mut consumer = off.consumer.clone();
    stop(off).await;
    assert!(receiver.spans().is_empty());

    // Another group, which traces, finds in the record what the client sent.
    consumer.kafka.group.push_str("-traced");
    consumer.service.otlp_endpoint = service::trace::Endpoint::parse(&receiver.endpoint).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let listeners = super::free_listeners().await;
    let address = listeners.addresses().unwrap().operators.to_string();
    let traced = tokio::spawn(consumer::run(consumer, listeners, stop.clone()));
    super::wait_for_metric(&address, "ingest_records_duplicate_total{kind=\"post\"} 1").await;
    stop.cancel();
    traced.await.unwrap().unwrap();
    let [flush] = &receiver.spans()[..] else { panic!("not one span: {:?}", receiver.spans()) };
    let [link] = &flush.span.links[..] else { panic!("not one link: {flush:?}") };
    assert_eq!(
        (&link.trace_id[..], &link.span_id[..]),
        (&context(SAMPLED).trace_id.0[..], &context(SAMPLED).span_id.0[..])
    );
    assert_eq!(flush.attribute("flush.duplicates"), "1");
}
