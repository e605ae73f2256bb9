//! The reports of one side, as far as they are compared. A report of an earlier version may lack some of it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::exit::Unusable;
use crate::series::Point;

const FILE: &str = "report.json";

/// Runs of the same kind.
#[derive(Debug)]
pub(super) struct Side {
    /// At least one.
    pub(super) runs: Vec<Run>,
}

/// What is read of a `report.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Run {
    pub(super) run: String,
    pub(super) passed: bool,
    #[serde(default)]
    pub(super) ended_early: bool,
    pub(super) missing: Option<u64>,
    pub(super) duplicated: Option<u64>,
    pub(super) unexpected: Option<u64>,
    pub(super) accepted_per_second: f64,
    pub(super) load_seconds: f64,
    pub(super) latency_ms: Latency,
    pub(super) failed_share: f64,
    pub(super) drain_seconds: Option<f64>,
    pub(super) generator: Option<Generator>,
    pub(super) producer: Usage,
    pub(super) consumer: Usage,
    /// Only under `loadtest chaos`.
    pub(super) chaos: Option<Value>,
    pub(super) environment: Value,
    #[serde(default)]
    pub(super) series: Vec<Point>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p95: f64,
    pub(super) p99: f64,
    pub(super) p999: Option<f64>,
    pub(super) max: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Generator {
    pub(super) is_limit: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Usage {
    pub(super) peak_memory_bytes: Option<u64>,
    pub(super) cpu_microseconds_per_post: Option<f64>,
}

impl Side {
    /// Reads them all.
    ///
    /// # Errors
    /// Every file that is no report, in a sentence.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Unusable> {
        let (mut runs, mut faults) = (Vec::new(), Vec::new());
        for path in paths {
            match Run::read(path) {
                Ok(run) => runs.push(run),
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(Self { runs }) } else { Err(Unusable(faults.join("\n"))) }
    }

    /// The ids of the runs.
    pub(super) fn names(&self) -> String {
        self.runs.iter().map(|run| run.run.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl Run {
    /// Reads a report, or the one in a directory.
    fn read(path: &Path) -> Result<Self, String> {
        let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        let name = path.display();
        let text = std::fs::read(&path)
            .map_err(|error| format!("cannot read {name}: {error}; name the {FILE} of a run, or its directory"))?;
        Self::parse(&text).map_err(|fault| format!("{name} is not the {FILE} of a run: {fault}"))
    }

    pub(super) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::report::tests::{example, fill};

    static RUN: LazyLock<Run> = LazyLock::new(|| {
        let mut report = example();
        fill(&mut report);
        report.chaos = None;
        Run::parse(&serde_json::to_vec(&report).unwrap()).unwrap()
    });

    /// A run as its report tells it.
    pub(in crate::compare) fn run() -> Run {
        RUN.clone()
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let run = run();
        assert_eq!((&run.run[..], run.missing, run.latency_ms.p999), ("00ab12cd", Some(1), Some(20.0)));
        assert_eq!((run.series.len(), run.series[0].accepted_per_second), (30, 299.0));
        assert_eq!(run.series[0].consumer_memory_bytes, Some(17_000_000));
    }

    #[test]
    fn an_earlier_report_is_read_too() {
        let mut report = serde_json::to_value(example()).unwrap();
        let fields = report.as_object_mut().unwrap();
        for name in ["series", "generator", "ended_early"] {
            fields.remove(name);
        }
        fields["latency_ms"].as_object_mut().unwrap().remove("p999");
        assert!(Run::parse(report.to_string().as_bytes()).unwrap().series.is_empty());
    }

    #[test]
    fn every_file_that_is_no_report_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let other = directory.path().join("other.json");
        std::fs::write(&other, r#"{"name":"k6"}"#).unwrap();
        let told = Side::read(&[other, directory.path().to_owned()]).unwrap_err().to_string();
        assert!(told.contains("other.json is not the report.json of a run: missing field `run`"), "{told}");
        assert!(told.contains("report.json: No such file") && told.contains("or its directory"), "{told}");
    }
}
