//! The reports of one side, as far as they are compared. A report of an earlier version may lack parts of it.

use std::path::{Path, PathBuf};

use bson::DateTime;
use contract::Kind;
use serde::Deserialize;
use serde_json::Value;

use crate::base::exit::Unusable;
use crate::report::series::Point;

const FILE: &str = "report.json";

/// Runs of the same kind.
#[derive(Debug)]
pub(crate) struct Side {
    /// At least one.
    pub(crate) runs: Vec<Run>,
}

/// What is read from a `report.json`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Run {
    pub(crate) run: String,
    /// What was sent. Earlier versions sent only posts.
    #[serde(default = "post")]
    pub(crate) kind: String,
    pub(crate) passed: bool,
    #[serde(default)]
    pub(crate) ended_early: bool,
    pub(crate) missing: Option<u64>,
    pub(crate) changed: Option<u64>,
    pub(crate) duplicated: Option<u64>,
    pub(crate) unexpected: Option<u64>,
    /// Only of a kind whose last record of a key is its document.
    pub(crate) states: Option<StateFigures>,
    pub(crate) accepted_per_second: f64,
    pub(crate) load_seconds: f64,
    /// Earlier versions have only those of all posts that were sent.
    pub(crate) accepted_latency_ms: Option<LatencyFigures>,
    pub(crate) latency_ms: LatencyFigures,
    pub(crate) failed_share: f64,
    pub(crate) drain_seconds: Option<f64>,
    pub(crate) generator: Option<GeneratorFigures>,
    pub(crate) producer: UsageFigures,
    pub(crate) consumer: UsageFigures,
    /// Only under `loadtest chaos`.
    pub(crate) chaos: Option<Value>,
    pub(crate) environment: Value,
    #[serde(default)]
    pub(crate) series: Vec<Point>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct StateFigures {
    pub(crate) stale: u64,
    pub(crate) out_of_order: u64,
    /// `None` where nobody looked.
    pub(crate) older_seen: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LatencyFigures {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) p999: Option<f64>,
    pub(crate) max: f64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct GeneratorFigures {
    pub(crate) is_limit: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct UsageFigures {
    pub(crate) peak_memory_bytes: Option<u64>,
    pub(crate) cpu_microseconds_per_post: Option<f64>,
}

fn post() -> String {
    Kind::Post.name().to_owned()
}

impl Side {
    /// Whether all runs of both sides sent records of one kind.
    ///
    /// # Errors
    /// When they did not: their figures say nothing about each other.
    pub(crate) fn same_kind(&self, other: &Self) -> Result<(), Unusable> {
        let first = &self.runs[0];
        match self.runs.iter().chain(&other.runs).find(|run| run.kind != first.kind) {
            Some(run) => {
                let (one, kind, two, other) = (&first.run, &first.kind, &run.run, &run.kind);
                Err(Unusable(format!("run {one} sent {kind}s and run {two} {other}s: compare runs of one kind")))
            }
            None => Ok(()),
        }
    }

    /// Reads all of them.
    ///
    /// # Errors
    /// Every file that is not a report, in a sentence.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, Unusable> {
        let (mut runs, mut errors) = (Vec::new(), Vec::new());
        for path in paths {
            match Run::read(path) {
                Ok(run) => runs.push(run),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { runs }) } else { Err(Unusable(errors.join("\n"))) }
    }

    /// Whether a run has accepted posts, but not their latencies.
    fn lacks_accepted_latencies(&self) -> bool {
        self.runs.iter().any(|run| run.accepted_latency_ms.is_none() && run.accepted_per_second > 0.0)
    }

    /// The same runs, with the latencies of all posts in place of those of the accepted ones.
    fn with_latencies_of_all(&self) -> Self {
        let mut runs = self.runs.clone();
        for run in &mut runs {
            run.accepted_latency_ms = Some(run.latency_ms.clone());
            for point in &mut run.series {
                point.accepted_p50_ms = point.p50_ms;
                point.accepted_p95_ms = point.p95_ms;
                point.accepted_p99_ms = point.p99_ms;
                point.accepted_max_ms = point.max_ms;
            }
        }
        Self { runs }
    }

    /// The ids of the runs.
    pub(crate) fn names(&self) -> String {
        self.runs.iter().map(|run| run.run.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Both sides with latencies of all posts, where one side does not have those of the accepted ones: a report of an
/// earlier version lacks them. `None` if both have them.
pub(crate) fn alike(base: &Side, with: &Side) -> Option<[Side; 2]> {
    let lacks = base.lacks_accepted_latencies() || with.lacks_accepted_latencies();
    lacks.then(|| [base, with].map(Side::with_latencies_of_all))
}

impl Run {
    /// The part of the load at its start that is not measured.
    pub(crate) fn warm_up_seconds(&self) -> f64 {
        self.environment["load"]["warm_up_seconds"].as_f64().unwrap_or(0.0)
    }

    /// When its load started; `None` if the report does not say.
    pub(crate) fn started_at(&self) -> Option<DateTime> {
        DateTime::parse_rfc3339_str(self.environment["started_at"].as_str()?).ok()
    }

    /// Reads a report, or the one in a directory.
    fn read(path: &Path) -> Result<Self, String> {
        let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        let name = path.display();
        let text = std::fs::read(&path)
            .map_err(|error| format!("cannot read {name}: {error}; name the {FILE} of a run, or its directory"))?;
        Self::parse(&text).map_err(|error| format!("{name} is not the {FILE} of a run: {error}"))
    }

    pub(crate) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::report::run::tests::{example, fill};

    static RUN: LazyLock<Run> = LazyLock::new(|| {
        let mut report = example();
        fill(&mut report);
        report.chaos = None;
        Run::parse(&serde_json::to_vec(&report).unwrap()).unwrap()
    });

    /// A run as its report describes it.
    pub(crate) fn run() -> Run {
        RUN.clone()
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let run = run();
        assert_eq!((&run.run[..], run.missing, run.latency_ms.p999), ("00ab12cd", Some(1), Some(20.0)));
        assert_eq!((run.accepted_latency_ms.map(|latency| latency.p50), run.latency_ms.p50), (Some(3.1), 2.9));
        assert_eq!((run.series.len(), run.series[0].accepted_per_second), (30, 299.0));
        assert_eq!(run.series[0].consumer_memory_bytes, Some(17_000_000));
    }

    #[test]
    fn runs_of_two_kinds_are_not_compared() {
        let posts = || Side { runs: vec![run()] };
        let orders = Side { runs: vec![run(), Run { kind: "order".to_owned(), ..run() }] };
        assert!(posts().same_kind(&posts()).is_ok());
        for (one, other) in [(posts(), &orders), (Side { runs: orders.runs.clone() }, &posts())] {
            let error = one.same_kind(other).unwrap_err().to_string();
            assert!(error.ends_with("sent posts and run 00ab12cd orders: compare runs of one kind"), "{error}");
        }
    }

    #[test]
    fn an_earlier_report_is_read_too() {
        let mut report = serde_json::to_value(example()).unwrap();
        let fields = report.as_object_mut().unwrap();
        for name in ["series", "generator", "ended_early", "accepted_latency_ms", "kind", "states"] {
            fields.remove(name);
        }
        fields["latency_ms"].as_object_mut().unwrap().remove("p999");
        let earlier = Run::parse(report.to_string().as_bytes()).unwrap();
        assert!(earlier.series.is_empty() && earlier.warm_up_seconds() == 0.0 && earlier.started_at().is_some());
        // Beside it, a new report is compared by what both have.
        let side = |run| Side { runs: vec![run] };
        assert!(alike(&side(run()), &side(run())).is_none());
        let [new, earlier] = alike(&side(run()), &side(earlier)).unwrap();
        assert_eq!([new, earlier].map(|side| side.runs[0].accepted_latency_ms.as_ref().unwrap().p50), [2.9; 2]);
    }

    #[test]
    fn every_file_that_is_not_a_report_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let other = directory.path().join("other.json");
        std::fs::write(&other, r#"{"name":"k6"}"#).unwrap();
        let error = Side::read(&[other, directory.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("other.json is not the report.json of a run: missing field `run`"), "{error}");
        assert!(error.contains("report.json: No such file") && error.contains("or its directory"), "{error}");
    }
}
