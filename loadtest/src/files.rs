//! The files of a report, in one directory.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::report::Report;
use crate::{html_report, percentiles, series};

/// For people.
const PAGE: &str = "report.html";
/// For programs; its schema is `loadtest/report.schema.json`.
const JSON: &str = "report.json";
/// What was seen every second.
const SERIES: &str = "series.csv";
/// Every latency.
const LATENCIES: &str = "latency.hgrm";
/// Every time until a sampled post was visible, if there were any.
const VISIBLE: &str = "visible.hgrm";

/// Writes all of them into the directory, and gives the page's path and the names of the others.
pub(crate) fn write(report: &Report, directory: &Path) -> anyhow::Result<(PathBuf, Vec<&'static str>)> {
    let mut json = serde_json::to_string_pretty(report).context("the report cannot be written as JSON")?;
    json.push('\n');
    let mut texts = vec![
        (PAGE, html_report::render(report)),
        (SERIES, series::csv(&report.series)),
        (LATENCIES, percentiles::text(&report.latencies_us)),
    ];
    texts.extend(report.accept_to_visible.times_us().map(|times_us| (VISIBLE, percentiles::text(times_us))));
    // The one that programs wait for comes last.
    texts.push((JSON, json));
    for (name, text) in &texts {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let others = texts[1..texts.len() - 1].iter().map(|(name, _)| *name);
    Ok((directory.join(PAGE), [JSON].into_iter().chain(others).collect()))
}
