//! All rows of one counter or gauge: the cells behind its handles, and the observers that each render asks. A counter's
//! total is read from the same cells, so nothing is counted twice.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics_exporter_prometheus::formatting::{sanitize_label_value, write_help_line, write_type_line};

use crate::metrics::{Kind, Metric};

type Observer = Box<dyn Fn(&mut Rows<'_>) + Send + Sync>;

/// The rows of one metric.
pub(super) struct Family {
    metric: Metric,
    /// A counter's count or the bits of a gauge's value, by the values of its labels.
    cells: BTreeMap<Vec<String>, Arc<AtomicU64>>,
    observers: Vec<Observer>,
}

impl Family {
    pub(super) fn new(metric: Metric) -> Self {
        Self { metric, cells: BTreeMap::new(), observers: Vec::new() }
    }

    pub(super) fn metric(&self) -> &Metric {
        &self.metric
    }

    pub(super) fn cell(&mut self, labels: &[&str]) -> Arc<AtomicU64> {
        let labels = labels.iter().map(|value| (*value).to_owned()).collect();
        Arc::clone(self.cells.entry(labels).or_default())
    }

    pub(super) fn observe(&mut self, observer: impl Fn(&mut Rows<'_>) + Send + Sync + 'static) {
        self.observers.push(Box::new(observer));
    }

    /// A counter's sum over all labels.
    pub(super) fn total(&self) -> u64 {
        self.cells.values().map(|cell| cell.load(Ordering::Relaxed)).sum()
    }

    /// A counter's count for each value of its labels.
    pub(super) fn totals(&self) -> Vec<(String, u64)> {
        self.cells.iter().map(|(labels, cell)| (labels.join(" "), cell.load(Ordering::Relaxed))).collect()
    }

    pub(super) fn render(&self, text: &mut String) {
        let mut rows = Rows { metric: &self.metric, text, is_empty: true };
        for (labels, cell) in &self.cells {
            let bits = cell.load(Ordering::Relaxed);
            match self.metric.kind {
                Kind::Counter => rows.write(labels, bits),
                _ => rows.write(labels, f64::from_bits(bits)),
            }
        }
        for observer in &self.observers {
            observer(&mut rows);
        }
    }
}

/// Collects what an observer reads.
pub struct Rows<'a> {
    metric: &'a Metric,
    text: &'a mut String,
    is_empty: bool,
}

impl Rows<'_> {
    /// Adds a row: the values of the metric's labels, in their order, and its own value.
    pub fn row(&mut self, labels: &[&str], value: f64) {
        self.write(labels, value);
    }

    fn write(&mut self, labels: &[impl AsRef<str>], value: impl Display) {
        let Metric { name, kind, labels: names, help } = *self.metric;
        if self.is_empty {
            write_help_line(self.text, name, None, None, help);
            write_type_line(self.text, name, None, None, kind.as_str());
            self.is_empty = false;
        }
        self.text.push_str(name);
        for (index, (label, value)) in names.iter().zip(labels).enumerate() {
            let separator = if index == 0 { '{' } else { ',' };
            let value = sanitize_label_value(value.as_ref());
            write!(self.text, "{separator}{label}=\"{value}\"").expect("writing into memory cannot fail");
        }
        let end = if names.is_empty() { "" } else { "}" };
        writeln!(self.text, "{end} {value}").expect("writing into memory cannot fail");
    }
}
