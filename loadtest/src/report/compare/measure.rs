//! What is compared: each measure is a figure of a whole run and, where every second has it, of any stretch of seconds.

use super::read::Run;
use crate::load::statistics::median;
use crate::pipeline::drain::LAG_PAUSE;
use crate::report::series::Point;

/// A measure of a run.
pub(crate) struct ComparedMeasure {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) better: Better,
    /// The smallest difference that can be seen; zero where nothing limits it.
    pub(crate) step: f64,
    /// The figure of a run.
    pub(crate) of_run: OfRun,
    /// The figure of a stretch; `None` if only the whole run has one.
    pub(crate) of_stretch: Option<OfStretch>,
}

pub(crate) type OfRun = fn(&Run) -> Option<f64>;
pub(crate) type OfStretch = fn(&[Point]) -> Option<f64>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Milliseconds,
    Seconds,
    Microseconds,
    Megabytes,
    Percent,
}

/// All measures; latencies are those of accepted posts. A stretch's latency is that of its middle second, so that one
/// bad second does not dominate it.
pub(crate) const MEASURES: [ComparedMeasure; 12] = [
    ComparedMeasure {
        name: "accepted",
        unit: Unit::PerSecond,
        better: Better::More,
        step: 0.0,
        of_run: |run| Some(run.accepted_per_second),
        of_stretch: Some(|points| share(accepted(points), points.iter().map(|point| point.length_seconds).sum())),
    },
    latency(
        "p50",
        |run| Some(run.accepted_latency_ms.as_ref()?.p50),
        Some(|points| middle(points, |point| point.accepted_p50_ms)),
    ),
    latency(
        "p95",
        |run| Some(run.accepted_latency_ms.as_ref()?.p95),
        Some(|points| middle(points, |point| point.accepted_p95_ms)),
    ),
    latency(
        "p99",
        |run| Some(run.accepted_latency_ms.as_ref()?.p99),
        Some(|points| middle(points, |point| point.accepted_p99_ms)),
    ),
    latency("p99.9", |run| run.accepted_latency_ms.as_ref()?.p999, None),
    latency(
        "max",
        |run| Some(run.accepted_latency_ms.as_ref()?.max),
        Some(|points| middle(points, |point| point.accepted_max_ms)),
    ),
    ComparedMeasure {
        name: "failed",
        unit: Unit::Percent,
        better: Better::Less,
        step: 0.0,
        of_run: |run| Some(run.failed_share * 100.0),
        of_stretch: Some(|points| {
            let failed = points.iter().map(Point::failed).sum::<u64>() as f64;
            share(100.0 * failed, failed + accepted(points))
        }),
    },
    ComparedMeasure {
        name: "drain",
        unit: Unit::Seconds,
        better: Better::Less,
        step: LAG_PAUSE.as_millis() as f64 / 1e3,
        of_run: |run| run.drain_seconds,
        of_stretch: None,
    },
    cpu(
        "producer CPU",
        |run| run.producer.cpu_microseconds_per_post,
        |points| cpu_per_post(points, |point| point.producer_cpu_cores),
    ),
    cpu(
        "consumer CPU",
        |run| run.consumer.cpu_microseconds_per_post,
        |points| cpu_per_post(points, |point| point.consumer_cpu_cores),
    ),
    memory(
        "producer memory",
        |run| run.producer.peak_memory_bytes.map(megabytes),
        |points| middle(points, |point| point.producer_memory_bytes.map(megabytes)),
    ),
    memory(
        "consumer memory",
        |run| run.consumer.peak_memory_bytes.map(megabytes),
        |points| middle(points, |point| point.consumer_memory_bytes.map(megabytes)),
    ),
];

const fn latency(name: &'static str, of_run: OfRun, of_stretch: Option<OfStretch>) -> ComparedMeasure {
    ComparedMeasure { name, unit: Unit::Milliseconds, better: Better::Less, step: 0.0, of_run, of_stretch }
}

const fn cpu(name: &'static str, of_run: OfRun, of_stretch: OfStretch) -> ComparedMeasure {
    ComparedMeasure {
        name,
        unit: Unit::Microseconds,
        better: Better::Less,
        step: 0.0,
        of_run,
        of_stretch: Some(of_stretch),
    }
}

const fn memory(name: &'static str, of_run: OfRun, of_stretch: OfStretch) -> ComparedMeasure {
    ComparedMeasure {
        name,
        unit: Unit::Megabytes,
        better: Better::Less,
        step: 0.0,
        of_run,
        of_stretch: Some(of_stretch),
    }
}

fn accepted(points: &[Point]) -> f64 {
    points.iter().map(|point| point.accepted_per_second * point.length_seconds).sum()
}

/// The middle second's value.
fn middle(points: &[Point], value: fn(&Point) -> Option<f64>) -> Option<f64> {
    median(points.iter().filter_map(value))
}

/// CPU time divided by the posts accepted meanwhile, over the seconds in which the CPU is known.
fn cpu_per_post(points: &[Point], cores: fn(&Point) -> Option<f64>) -> Option<f64> {
    let (mut microseconds, mut posts) = (0.0, 0.0);
    for point in points {
        if let Some(cores) = cores(point) {
            microseconds += cores * point.length_seconds * 1e6;
            posts += point.accepted_per_second * point.length_seconds;
        }
    }
    share(microseconds, posts)
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_measured_by_its_seconds() {
        let point = |accepted_per_second, unavailable, p99_ms, producer_cpu_cores| Point {
            length_seconds: 2.0,
            accepted_per_second,
            unavailable,
            accepted_p99_ms: p99_ms,
            producer_cpu_cores,
            ..Point::default()
        };
        let points =
            [point(100.0, 0, Some(5.0), None), point(50.0, 100, None, Some(0.5)), point(0.0, 0, Some(9.0), None)];
        let figure = |name: &str| {
            let measure = MEASURES.iter().find(|measure| measure.name == name).unwrap();
            measure.of_stretch.unwrap()(&points)
        };
        assert_eq!((figure("accepted"), figure("failed"), figure("p99")), (Some(50.0), Some(25.0), Some(7.0)));
        assert_eq!((figure("producer CPU"), figure("consumer CPU"), figure("p50")), (Some(10_000.0), None, None));
    }
}
