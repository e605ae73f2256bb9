//! Prometheus metrics of one running service. Each service owns a registry (no global recorder), so that two of them can
//! live in one process. Handles are made once and kept: an update is then an atomic operation or two, without a look-up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, CounterFn, Gauge, Histogram, Label};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Upper bounds in seconds for what a client waits for: from a fifth of a millisecond to ten seconds.
pub const LATENCY_BUCKETS: &[f64] = &[
    0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0,
];

/// Histograms are drained into their buckets this often; without it they would keep every single sample.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A histogram's name, meaning and bucket bounds. Bounds must be known before the first sample.
pub struct HistogramSpec {
    /// The metric's name, unit included.
    pub name: &'static str,
    /// What it measures.
    pub help: &'static str,
    /// Upper bounds of the buckets, ascending.
    pub buckets: &'static [f64],
}

type Section = Box<dyn Fn(&mut String) + Send + Sync>;

/// Gauges of one name that are read when the metrics are rendered.
struct Observed {
    help: &'static str,
    /// The rows' labels as they are written, each with where its value comes from.
    rows: Vec<(String, Box<dyn Fn() -> f64 + Send + Sync>)>,
}

/// Makes handles and renders them. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    process: metrics_process::Collector,
    sections: Mutex<Vec<Section>>,
    observed: Mutex<BTreeMap<&'static str, Observed>>,
    /// What each counter has counted, by its name and its labels' values.
    totals: Mutex<BTreeMap<&'static str, BTreeMap<String, Arc<AtomicU64>>>>,
}

/// A counter that can be read back.
struct Totalled {
    exported: Counter,
    total: Arc<AtomicU64>,
}

impl CounterFn for Totalled {
    fn increment(&self, value: u64) {
        self.exported.increment(value);
        self.total.fetch_add(value, Ordering::Relaxed);
    }

    /// Only ever asked for what counts elsewhere, such as the process' CPU time, which has no total.
    fn absolute(&self, value: u64) {
        self.exported.absolute(value);
    }
}

impl Registry {
    /// A registry with these histograms; counters and gauges are made as they are asked for.
    pub fn new(histograms: &[HistogramSpec]) -> Self {
        let mut builder = PrometheusBuilder::new();
        for spec in histograms {
            builder = builder
                .set_buckets_for_metric(Matcher::Full(spec.name.to_owned()), spec.buckets)
                .expect("each histogram has at least one bucket");
        }
        let recorder = builder.build_recorder();
        let process = metrics_process::Collector::default();
        metrics::with_local_recorder(&recorder, || {
            process.describe();
            for spec in histograms {
                metrics::describe_histogram!(spec.name, spec.help);
            }
        });
        let handle = recorder.handle();
        let (sections, observed, totals) = Default::default();
        Self { inner: Arc::new(Inner { recorder, handle, process, sections, observed, totals }) }
    }

    /// The counter of this name and these labels.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        let exported = metrics::with_local_recorder(&self.inner.recorder, || {
            metrics::describe_counter!(name, help);
            metrics::counter!(name, to_labels(labels))
        });
        let values = labels.iter().map(|(_, value)| *value).collect::<Vec<_>>().join(" ");
        let total = Arc::clone(locked(&self.inner.totals).entry(name).or_default().entry(values).or_default());
        Counter::from_arc(Arc::new(Totalled { exported, total }))
    }

    /// The sum, over all labels, of the counter of this name; 0 if there is none.
    pub fn total(&self, name: &str) -> u64 {
        self.totals(name).into_iter().map(|(_, total)| total).sum()
    }

    /// What the counter of this name has counted, for each of its labels' values, in their order.
    pub fn totals(&self, name: &str) -> Vec<(String, u64)> {
        let totals = locked(&self.inner.totals);
        let of_name = totals.get(name).into_iter().flatten();
        of_name.map(|(values, total)| (values.clone(), total.load(Ordering::Relaxed))).collect()
    }

    /// The gauge of this name and these labels.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        metrics::with_local_recorder(&self.inner.recorder, || {
            metrics::describe_gauge!(name, help);
            metrics::gauge!(name, to_labels(labels))
        })
    }

    /// The histogram of this name and these labels; it must be among those the registry was made with.
    pub fn histogram(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Histogram {
        metrics::with_local_recorder(&self.inner.recorder, || metrics::histogram!(name, to_labels(labels)))
    }

    /// Logs every counter's total, for the time when nobody can scrape any more.
    pub fn log_totals(&self) {
        let names: Vec<&'static str> = locked(&self.inner.totals).keys().copied().collect();
        let totals: Vec<String> = names.iter().map(|name| format!("{name}={}", self.total(name))).collect();
        tracing::info!(totals = totals.join(" "), "counted until the end");
    }

    /// Adds a gauge whose value is read at each render, so that nobody needs to keep it up to date.
    pub fn observe(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let mut observed = locked(&self.inner.observed);
        let observed = observed.entry(name).or_insert(Observed { help, rows: Vec::new() });
        observed.rows.push((labels.join(","), Box::new(read)));
    }

    /// Adds series that are written anew at each render. For series that come and go (a partition that is held for a
    /// while): the recorder cannot forget a series.
    pub fn add_section(&self, render: impl Fn(&mut String) + Send + Sync + 'static) {
        locked(&self.inner.sections).push(Box::new(render));
    }

    /// Everything in Prometheus' text format. Blocks for a moment, so not for the reactor's threads.
    pub fn render(&self) -> String {
        metrics::with_local_recorder(&self.inner.recorder, || self.inner.process.collect());
        // A counter of `metrics` is a whole number, and seconds are not, so this one comes as a gauge.
        let cpu_seconds = "# TYPE process_cpu_seconds_total ";
        let text = self.inner.handle.render();
        let mut text = text.replacen(&format!("{cpu_seconds}gauge"), &format!("{cpu_seconds}counter"), 1);
        for (name, Observed { help, rows }) in locked(&self.inner.observed).iter() {
            write_gauge(&mut text, name, help, rows.iter().map(|(labels, read)| (labels, read())));
        }
        for section in locked(&self.inner.sections).iter() {
            section(&mut text);
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
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes one gauge with a row per partition: `rows` are (partition, value), `labels` are theirs beside the partition's.
/// Without rows nothing is written.
pub fn write_partition_gauge(
    text: &mut String,
    name: &str,
    help: &str,
    labels: &str,
    rows: impl Iterator<Item = (i32, f64)>,
) {
    let rows = rows.map(|(partition, value)| (format!("{labels},partition=\"{partition}\""), value));
    write_gauge(text, name, help, rows);
}

/// Writes one gauge: `rows` are its labels and value each.
fn write_gauge(text: &mut String, name: &str, help: &str, rows: impl Iterator<Item = (impl AsRef<str>, f64)>) {
    for (number, (labels, value)) in rows.enumerate() {
        if number == 0 {
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        }
        match labels.as_ref() {
            "" => text.push_str(&format!("{name} {value}\n")),
            labels => text.push_str(&format!("{name}{{{labels}}} {value}\n")),
        }
    }
}

fn to_labels(labels: &[(&'static str, &str)]) -> Vec<Label> {
    labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_registries_do_not_share_series() {
        let spec = HistogramSpec { name: "wait_seconds", help: "a wait", buckets: &[0.1, 1.0] };
        let (one, two) = (Registry::new(&[spec]), Registry::new(&[]));
        one.counter("events_total", "events", &[("kind", "a")]).increment(3);
        one.histogram("wait_seconds", &[]).record(0.5);
        one.add_section(|text| {
            write_partition_gauge(text, "lag", "lag", "topic=\"post\"", [(0, 4.0), (1, 0.0)].into_iter());
        });
        one.observe("open", "open things", &[], || 7.0);
        one.observe("held", "held things", &[("kind", "a")], || 1.0);
        one.observe("held", "held things", &[("kind", "b")], || 2.0);
        let text = one.render();
        for line in [
            "# HELP open open things\n# TYPE open gauge\nopen 7\n",
            "# TYPE held gauge\nheld{kind=\"a\"} 1\nheld{kind=\"b\"} 2\n",
            "events_total{kind=\"a\"} 3",
            "wait_seconds_bucket{le=\"0.1\"} 0",
            "wait_seconds_bucket{le=\"1\"} 1",
            "lag{topic=\"post\",partition=\"0\"} 4",
            "lag{topic=\"post\",partition=\"1\"} 0",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!two.render().contains("events_total"));
    }

    #[test]
    fn a_total_is_the_sum_over_all_labels() {
        let registry = Registry::new(&[]);
        registry.counter("events_total", "events", &[("kind", "a")]).increment(3);
        registry.counter("events_total", "events", &[("kind", "b")]).increment(4);
        registry.counter("events_total", "events", &[("kind", "a")]).increment(1);
        assert_eq!((registry.total("events_total"), registry.total("others_total")), (8, 0));
        assert_eq!(registry.totals("events_total"), [("a".to_owned(), 4), ("b".to_owned(), 4)]);
    }
}
