//! The files of a report, in one directory.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::load::percentiles;
use crate::report::page;
use crate::report::run::RunReport;
use crate::report::series::csv::csv;

/// For people.
const PAGE: &str = "report.html";
/// For programs; its schema is `loadtest/report.schema.json`.
const JSON: &str = "report.json";
/// What was seen every second.
const SERIES: &str = "series.csv";
/// Every latency of the accepted posts, and of all posts that were sent.
const ACCEPTED: &str = "accepted.hgrm";
const LATENCIES: &str = "latency.hgrm";
/// How long every sampled post took to become visible, if posts were sampled.
const VISIBLE: &str = "visible.hgrm";

/// Writes a result for programs into the directory, and returns its path.
pub(crate) fn write_json(result: &impl Serialize, directory: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let mut json = serde_json::to_string_pretty(result).context("the result cannot be written as JSON")?;
    json.push('\n');
    write_text(&json, directory, name)
}

/// Writes a text into the directory, and returns its path.
pub(crate) fn write_text(text: &str, directory: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = directory.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Writes all of them into the directory, and returns the page's path and the names of the others.
pub(crate) fn write(report: &RunReport, directory: &Path) -> anyhow::Result<(PathBuf, Vec<&'static str>)> {
    let page = write_text(&page::render(report), directory, PAGE)?;
    let mut others = vec![JSON, SERIES, ACCEPTED, LATENCIES];
    write_text(&csv(&report.series), directory, SERIES)?;
    write_text(&percentiles::text(&report.latencies.accepted_us), directory, ACCEPTED)?;
    write_text(&percentiles::text(&report.latencies.all_us), directory, LATENCIES)?;
    if let Some(times_us) = report.accept_to_visible.times_us() {
        write_text(&percentiles::text(times_us), directory, VISIBLE)?;
        others.push(VISIBLE);
    }
    // Programs wait for this file, so it comes last.
    write_json(report, directory, JSON)?;
    Ok((page, others))
}

/// The directory for a report or for logs: the given one, or a new one under `target/loadtest`.
pub(crate) fn make_directory(given: Option<&Path>, name: &str) -> anyhow::Result<PathBuf> {
    let directory = match given {
        Some(directory) => directory.to_owned(),
        None => Path::new("target").join("loadtest").join(name),
    };
    std::fs::create_dir_all(&directory).with_context(|| {
        format!("cannot create the directory {}: choose another one with --report", directory.display())
    })?;
    Ok(directory)
}
