//! Warns when spans cannot be sent: at once, and then once a minute with the number of lost spans, however many tries
//! fail.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// Shortest time between two warnings.
const INTERVAL: Duration = Duration::from_secs(60);

/// An exporter that reports its own failures; the SDK would log every one.
#[derive(Debug)]
pub(super) struct Reporting<E> {
    exporter: E,
    url: String,
    outage: Mutex<Outage>,
}

impl<E> Reporting<E> {
    pub(super) fn new(exporter: E, url: String) -> Self {
        Self { exporter, url, outage: Mutex::default() }
    }

    fn report(&self, spans: usize, error: Option<impl fmt::Display>) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            None => {
                if outage.end() {
                    tracing::info!(endpoint = self.url, "traces are sent again");
                }
            }
            Some(error) => {
                if let Some(lost) = outage.failed(spans as u64, Instant::now()) {
                    tracing::warn!(endpoint = self.url, %error, lost, "cannot send traces, their spans are lost");
                }
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for Reporting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.report(spans, self.exporter.export(batch).await.err());
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// An outage of the endpoint, and how many spans it has cost. Pure: the time is an argument.
#[derive(Debug, Default)]
struct Outage {
    reported_at: Option<Instant>,
    unreported: u64,
}

impl Outage {
    /// These spans are lost. If it is time for a report, returns how many were lost since the last one.
    fn failed(&mut self, spans: u64, now: Instant) -> Option<u64> {
        self.unreported += spans;
        if self.reported_at.is_some_and(|reported_at| now < reported_at + INTERVAL) {
            return None;
        }
        self.reported_at = Some(now);
        Some(std::mem::take(&mut self.unreported))
    }

    /// Spans were sent. Returns whether that is news.
    fn end(&mut self) -> bool {
        self.unreported = 0;
        self.reported_at.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_failures_are_reported_once_in_a_while() {
        let (mut outage, start) = (Outage::default(), Instant::now());
        assert!(!outage.end(), "no news");
        assert_eq!(outage.failed(5, start), Some(5));
        assert_eq!(outage.failed(7, start + INTERVAL / 2), None);
        assert_eq!(outage.failed(1, start + INTERVAL), Some(8));
        assert_eq!(outage.failed(1, start + INTERVAL), None);
        assert!(outage.end());
        assert_eq!(outage.failed(2, start + INTERVAL), Some(2), "a new outage is reported at once");
    }
}
