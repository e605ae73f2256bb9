//! Prometheus metrics of one running service. Each service owns a registry (no global recorder), so that two of them
//! can live in one process. Handles are made once and kept, so an update is an atomic operation without a look-up.
//!
//! The exporter's recorder keeps the histograms and the metrics of the process. Everything else is a [`Family`]: rows
//! that are read at each render, from the cells of counters and gauges or from an observer.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Label};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::metrics::family::Family;

mod family;
mod metric;

pub use family::Rows;
pub use metric::{Kind, LATENCY_BUCKETS, Metric};

/// The sum of each counter over all its labels.
pub type Totals = BTreeMap<String, u64>;

/// How often histograms are drained into their buckets; otherwise they would keep every sample.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Makes handles and renders them. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    process: metrics_process::Collector,
    catalogue: Vec<Metric>,
    families: Mutex<BTreeMap<&'static str, Family>>,
}

impl Registry {
    /// A registry for the metrics of this catalogue and no others.
    pub fn new(catalogue: &[&[Metric]]) -> Self {
        let catalogue = catalogue.concat();
        let mut builder = PrometheusBuilder::new();
        for metric in &catalogue {
            if let Kind::Histogram(buckets) = metric.kind {
                builder = builder
                    .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
                    .expect("each histogram has at least one bucket");
            }
        }
        let recorder = builder.build_recorder();
        let process = metrics_process::Collector::default();
        metrics::with_local_recorder(&recorder, || {
            process.describe();
            for metric in catalogue.iter().filter(|metric| matches!(metric.kind, Kind::Histogram(_))) {
                metrics::describe_histogram!(metric.name, metric.help);
            }
        });
        let handle = recorder.handle();
        Self { inner: Arc::new(Inner { recorder, handle, process, catalogue, families: Mutex::default() }) }
    }

    /// The counter with these values of its labels; the same values always give the same counter.
    pub fn counter(&self, metric: &Metric, labels: &[&str]) -> Counter {
        Counter::from_arc(self.cell(metric, Kind::Counter, labels))
    }

    /// The gauge with these values of its labels; the same values always give the same gauge.
    pub fn gauge(&self, metric: &Metric, labels: &[&str]) -> Gauge {
        Gauge::from_arc(self.cell(metric, Kind::Gauge, labels))
    }

    /// The histogram with these values of its labels.
    pub fn histogram(&self, metric: &Metric, labels: &[&str]) -> Histogram {
        self.check(metric, metric.kind, labels.len());
        let labels = metric.labels.iter().zip(labels).map(|(name, value)| Label::new(*name, (*value).to_owned()));
        let labels: Vec<Label> = labels.collect();
        metrics::with_local_recorder(&self.inner.recorder, || metrics::histogram!(metric.name, labels))
    }

    /// Reads a gauge at each render, so nobody needs to keep it up to date. Its rows may come and go.
    pub fn observe(&self, metric: &Metric, read: impl Fn(&mut Rows<'_>) + Send + Sync + 'static) {
        self.check(metric, Kind::Gauge, metric.labels.len());
        self.families().entry(metric.name).or_insert_with(|| Family::new(*metric)).observe(read);
    }

    /// The sum of this counter over all its labels.
    pub fn total(&self, counter: &Metric) -> u64 {
        self.families().get(counter.name).map_or(0, Family::total)
    }

    /// This counter's count for each value of its labels, in their order.
    pub fn totals(&self, counter: &Metric) -> Vec<(String, u64)> {
        self.families().get(counter.name).map_or_else(Vec::new, Family::totals)
    }

    /// Every counter's total at the end, when nobody can scrape any more. Logs them, too.
    pub fn last_totals(&self) -> Totals {
        let families = self.families();
        let counters = families.values().filter(|family| family.metric().kind == Kind::Counter);
        let totals: Totals = counters.map(|family| (family.metric().name.to_owned(), family.total())).collect();
        let shown: Vec<String> = totals.iter().map(|(name, total)| format!("{name}={total}")).collect();
        tracing::info!(totals = shown.join(" "), "counted until the end");
        totals
    }

    /// Everything in Prometheus' text format. Blocks for a moment, so call it off the reactor's threads.
    pub fn render(&self) -> String {
        metrics::with_local_recorder(&self.inner.recorder, || self.inner.process.collect());
        // The counters of `metrics` are whole numbers and seconds are not, so it renders this one as a gauge.
        let cpu_seconds = "# TYPE process_cpu_seconds_total ";
        let text = self.inner.handle.render();
        let mut text = text.replacen(&format!("{cpu_seconds}gauge"), &format!("{cpu_seconds}counter"), 1);
        for family in self.families().values() {
            family.render(&mut text);
        }
        text
    }

    /// Keeps the histograms' memory bounded, for as long as it is polled.
    pub async fn upkeep(&self) {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            interval.tick().await;
            self.inner.handle.run_upkeep();
        }
    }

    fn cell(&self, metric: &Metric, kind: Kind, labels: &[&str]) -> Arc<AtomicU64> {
        self.check(metric, kind, labels.len());
        self.families().entry(metric.name).or_insert_with(|| Family::new(*metric)).cell(labels)
    }

    /// A metric outside the catalogue would be missing from the reference, so no service starts with one.
    fn check(&self, metric: &Metric, kind: Kind, labels: usize) {
        assert!(self.inner.catalogue.contains(metric), "{} is not in the registry's catalogue", metric.name);
        assert_eq!(metric.kind, kind, "{} is of another kind", metric.name);
        assert_eq!(metric.labels.len(), labels, "{} has the labels {:?}", metric.name, metric.labels);
    }

    fn families(&self) -> MutexGuard<'_, BTreeMap<&'static str, Family>> {
        self.inner.families.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: Metric = Metric::counter("events_total", "Events").labelled(&["kind"]);
    const OTHERS: Metric = Metric::counter("others_total", "Others");
    const WAIT: Metric = Metric::histogram("wait_seconds", "A wait", &[0.1, 1.0]);
    const LAG: Metric = Metric::gauge("lag", "How far behind").labelled(&["topic", "partition"]);
    const OPEN: Metric = Metric::gauge("open", "Open things");
    const LIMIT: Metric = Metric::gauge("open_limit", "Most open things");
    const CATALOGUE: &[&[Metric]] = &[&[EVENTS, OTHERS, WAIT], &[LAG, OPEN, LIMIT]];

    #[test]
    fn two_registries_do_not_share_series() {
        let (one, two) = (Registry::new(CATALOGUE), Registry::new(CATALOGUE));
        one.counter(&EVENTS, &["a"]).increment(3);
        one.histogram(&WAIT, &[]).record(0.5);
        one.gauge(&LIMIT, &[]).set(2.5);
        one.observe(&OPEN, |rows| rows.row(&[], 7.0));
        one.observe(&LAG, |rows| (0..2).for_each(|partition| rows.row(&["post", &partition.to_string()], 4.0)));
        one.observe(&LAG, |rows| rows.row(&["a\"b\n", "0"], 1.0));
        let text = one.render();
        for part in [
            "# HELP events_total Events\n# TYPE events_total counter\nevents_total{kind=\"a\"} 3\n",
            "# HELP open Open things\n# TYPE open gauge\nopen 7\n",
            "# TYPE open_limit gauge\nopen_limit 2.5\n",
            "# HELP wait_seconds A wait\n",
            "wait_seconds_bucket{le=\"0.1\"} 0\n",
            "wait_seconds_bucket{le=\"1\"} 1\n",
            "# TYPE lag gauge\nlag{topic=\"post\",partition=\"0\"} 4\nlag{topic=\"post\",partition=\"1\"} 4\n",
            "lag{topic=\"a\\\"b\\n\",partition=\"0\"} 1\n",
            "# TYPE process_cpu_seconds_total counter\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(!two.render().contains("events_total"));
    }

    #[test]
    fn rows_come_and_go() {
        let (registry, rows) = (Registry::new(CATALOGUE), Arc::new(Mutex::new(Some(1.0))));
        let observed = Arc::clone(&rows);
        registry.observe(&OPEN, move |rows| observed.lock().unwrap().iter().for_each(|value| rows.row(&[], *value)));
        assert!(registry.render().contains("\nopen 1\n"));
        *rows.lock().unwrap() = None;
        assert!(!registry.render().contains("TYPE open "), "a family without rows has no header either");
    }

    #[test]
    fn a_total_is_the_sum_over_all_labels() {
        let registry = Registry::new(CATALOGUE);
        registry.counter(&EVENTS, &["b"]).increment(4);
        registry.counter(&EVENTS, &["a"]).increment(3);
        registry.counter(&EVENTS, &["a"]).increment(1);
        registry.gauge(&LIMIT, &[]).set(9.0);
        assert_eq!((registry.total(&EVENTS), registry.total(&OTHERS)), (8, 0));
        assert_eq!(registry.totals(&EVENTS), [("a".to_owned(), 4), ("b".to_owned(), 4)]);
        assert_eq!(registry.last_totals(), Totals::from([("events_total".to_owned(), 8)]));
    }

    #[test]
    #[should_panic(expected = "others_total is not in the registry's catalogue")]
    fn only_the_catalogue_can_be_registered() {
        Registry::new(&[&[EVENTS]]).counter(&OTHERS, &[]).increment(1);
    }
}
