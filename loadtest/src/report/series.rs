//! A run second by second, during the load and while accepted posts are still being stored. Pure; the loops that watch
//! the pipeline feed it.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::load::generator::latencies::LatencyHistograms;
use crate::load::generator::tally::Tally;
use crate::load::sparse;
use crate::pipeline::observer::{Moment, Used};

pub(crate) mod csv;
pub(crate) mod merge;
pub(crate) mod thin;

/// The time between two points.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// The points of a run in progress.
#[derive(Debug)]
pub(crate) struct Series {
    start: Instant,
    /// The end of the last point.
    since: Instant,
    /// What was counted since then.
    part: Tally,
    /// CPU seconds of producer and consumer when they were last known, and when that was.
    cpu: [Option<(Instant, f64)>; 2],
    points: Vec<Point>,
    /// The sources of the points, if they are kept for merging several shares.
    stretches: Option<Vec<Stretch>>,
}

/// A point, and what was counted in its stretch, unrounded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stretch {
    pub(crate) point: Point,
    pub(crate) begun: u64,
    pub(crate) accepted: u64,
    /// Latencies in microseconds, each with its count: of the accepted posts, and of all that were sent.
    pub(crate) accepted_latencies_us: Vec<sparse::Pair>,
    pub(crate) latencies_us: Vec<sparse::Pair>,
}

/// One stretch of a run, a second long if nothing delayed it. What is not known is null: percentiles of a stretch in
/// which no post ended, and whatever a service did not report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Point {
    /// The stretch's end, from the start of the load.
    pub(crate) seconds: f64,
    /// Its length.
    pub(crate) length_seconds: f64,
    /// Posts that were sent.
    pub(crate) sent_per_second: f64,
    /// Posts answered 2xx.
    pub(crate) accepted_per_second: f64,
    /// Posts that ended otherwise, by kind, as in the report's outcomes.
    #[serde(rename = "refused")]
    pub(crate) rejected: u64,
    pub(crate) unavailable: u64,
    pub(crate) other_status: u64,
    pub(crate) cut_off: u64,
    pub(crate) timed_out: u64,
    pub(crate) not_connected: u64,
    /// Latencies of the posts that were accepted in the stretch.
    pub(crate) accepted_p50_ms: Option<f64>,
    pub(crate) accepted_p95_ms: Option<f64>,
    pub(crate) accepted_p99_ms: Option<f64>,
    pub(crate) accepted_max_ms: Option<f64>,
    /// Latencies of all posts that ended in the stretch, whatever the answer.
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) p99_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
    /// Records that the consumer group has not finished, at the stretch's end.
    pub(crate) lag_records: Option<u64>,
    /// Posts stored since the run began, at the stretch's end.
    pub(crate) stored_posts: Option<u64>,
    /// CPU seconds per second.
    pub(crate) producer_cpu_cores: Option<f64>,
    pub(crate) producer_memory_bytes: Option<u64>,
    pub(crate) consumer_cpu_cores: Option<f64>,
    pub(crate) consumer_memory_bytes: Option<u64>,
}

impl Point {
    /// The same stretch, with the latencies of its posts.
    pub(crate) fn with_latencies(self, latencies: &LatencyHistograms) -> Self {
        let at = |latencies_us: &Histogram<u64>, quantile| {
            (!latencies_us.is_empty()).then(|| latencies_us.value_at_quantile(quantile) as f64 / 1e3)
        };
        let LatencyHistograms { accepted_us, all_us } = latencies;
        Self {
            accepted_p50_ms: at(accepted_us, 0.50),
            accepted_p95_ms: at(accepted_us, 0.95),
            accepted_p99_ms: at(accepted_us, 0.99),
            accepted_max_ms: at(accepted_us, 1.0),
            p50_ms: at(all_us, 0.50),
            p95_ms: at(all_us, 0.95),
            p99_ms: at(all_us, 0.99),
            max_ms: at(all_us, 1.0),
            ..self
        }
    }

    /// Posts that were not accepted.
    pub(crate) fn failed(&self) -> u64 {
        let Self { rejected, unavailable, other_status, cut_off, timed_out, not_connected, .. } = self;
        rejected + unavailable + other_status + cut_off + timed_out + not_connected
    }
}

impl Series {
    /// An empty series for a load that starts at this time.
    pub(crate) fn starting_at(start: Instant) -> Self {
        Self { start, since: start, part: Tally::default(), cpu: [None; 2], points: Vec::new(), stretches: None }
    }

    /// Also keeps the sources of the points.
    pub(crate) fn keeping_stretches(self, keeps: bool) -> Self {
        Self { stretches: keeps.then(Vec::new), ..self }
    }

    /// The kept stretches.
    pub(crate) fn take_stretches(&mut self) -> Vec<Stretch> {
        self.stretches.take().unwrap_or_default()
    }

    /// When the load started.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Counts what ended since the last call.
    pub(crate) fn count(&mut self, part: &Tally) {
        self.part.merge(part);
    }

    /// Ends a stretch, with what was counted in it and the state of the pipeline at its end.
    pub(crate) fn point(&mut self, now: Instant, moment: Moment) {
        let part = std::mem::take(&mut self.part);
        let length = now.saturating_duration_since(self.since).as_secs_f64();
        let a_second = |count: u64| if length > 0.0 { count as f64 / length } else { 0.0 };
        let (outcomes, latencies) = (part.outcomes, part.latencies_with_warm_up());
        let point = Point {
            seconds: now.saturating_duration_since(self.start).as_secs_f64(),
            length_seconds: length,
            sent_per_second: a_second(part.begun),
            accepted_per_second: a_second(outcomes.accepted),
            rejected: outcomes.rejected,
            unavailable: outcomes.unavailable,
            other_status: outcomes.other_status,
            cut_off: outcomes.cut_off,
            timed_out: outcomes.timed_out,
            not_connected: outcomes.not_connected,
            lag_records: moment.lag,
            stored_posts: moment.stored,
            producer_cpu_cores: cores(&mut self.cpu[0], now, moment.producer),
            producer_memory_bytes: moment.producer.and_then(|used| used.memory_bytes),
            consumer_cpu_cores: cores(&mut self.cpu[1], now, moment.consumer),
            consumer_memory_bytes: moment.consumer.and_then(|used| used.memory_bytes),
            ..Point::default()
        };
        let point = point.with_latencies(&latencies);
        self.points.push(point);
        if let Some(stretches) = &mut self.stretches {
            stretches.push(Stretch {
                point,
                begun: part.begun,
                accepted: outcomes.accepted,
                accepted_latencies_us: sparse::pairs(&latencies.accepted_us).collect(),
                latencies_us: sparse::pairs(&latencies.all_us).collect(),
            });
        }
        self.since = now;
    }

    /// When the next point is due.
    pub(crate) fn next(&self) -> Instant {
        self.since + EVERY
    }

    /// All points, in order.
    pub(crate) fn into_points(self) -> Vec<Point> {
        self.points
    }
}

/// The CPU used since it was last known, if both values are known.
fn cores(before: &mut Option<(Instant, f64)>, now: Instant, used: Option<Used>) -> Option<f64> {
    let seconds = used?.cpu_seconds?;
    let (then, used_then) = before.replace((now, seconds))?;
    let elapsed = now.saturating_duration_since(then).as_secs_f64();
    (elapsed > 0.0).then(|| (seconds - used_then).max(0.0) / elapsed)
}

#[cfg(test)]
pub(crate) mod tests {
    use contract::PostId;

    use super::*;
    use crate::load::generator::outcome::{Outcome, UnknownCause};

    #[test]
    fn a_point_describes_its_own_stretch() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut series = Series::starting_at(start);
        let mut part = Tally::default();
        part.begun = 3;
        part.record(Outcome::Accepted(PostId::fresh()), start, after(5));
        series.count(&part);
        let used = |cpu_seconds| Some(Used { cpu_seconds: Some(cpu_seconds), memory_bytes: Some(7) });
        series.point(after(1_000), Moment { lag: Some(4), stored: Some(1), producer: used(1.0), consumer: None });
        part = Tally::default();
        part.record(Outcome::Unknown(UnknownCause::CutOff), start, after(1_200));
        series.count(&part);
        series.count(&part);
        series.point(after(3_000), Moment { producer: used(1.5), ..Moment::default() });
        series.point(after(4_000), Moment::default());

        let [first, second, third] = series.into_points().try_into().unwrap();
        assert_eq!((first.seconds, first.sent_per_second, first.accepted_per_second), (1.0, 3.0, 1.0));
        assert_eq!((first.lag_records, first.stored_posts, first.producer_cpu_cores), (Some(4), Some(1), None));
        assert!(first.p50_ms.is_some_and(|p50| (5.0..5.1).contains(&p50)), "{first:?}");
        assert_eq!((first.accepted_p50_ms, first.accepted_max_ms), (first.p50_ms, first.max_ms));
        assert_eq!((second.length_seconds, second.cut_off, second.failed()), (2.0, 2, 2));
        assert_eq!((second.producer_cpu_cores, second.accepted_per_second), (Some(0.25), 0.0));
        assert!(second.accepted_p50_ms.is_none() && second.p50_ms.is_some_and(|p50| p50 >= 1_200.0), "{second:?}");
        assert_eq!((third.p50_ms, third.lag_records, third.failed()), (None, None, 0));
    }
}
