//! Whether memory and latency keep growing. Pure.
//!
//! After a warm-up the load is cut into windows, each represented by its middle second, and a line is fitted through
//! them. Growth is below the limit if its whole interval is. It is above the limit if its whole interval is and the
//! last half grows that fast as well: what still warms up grows, but ever more slowly. Otherwise the load is too short
//! to tell.

use serde::Serialize;

use crate::load::statistics::median;
use crate::load::statistics::slope::{Slope, slope};
use crate::report::series::Point;
use crate::report::threshold::ThresholdVerdict;

/// The load is cut into this many windows,
const WINDOWS: usize = 40;

/// or into fewer, so that each has at least this many points.
const SHORTEST_WINDOW: usize = 5;

const SECONDS_OF_HOUR: f64 = 3_600.0;

/// What may grow, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrowthLimits {
    pub(crate) megabytes_per_hour: f64,
    /// Of the latency at the start.
    pub(crate) percent_per_hour: f64,
    /// The share of the load that is left out,
    pub(crate) warm_up_share: f64,
    /// and at least this long.
    pub(crate) warm_up_seconds: f64,
}

/// What grew in a soak.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Drift {
    /// The part of the load that was left out, at its start.
    pub(crate) warm_up_seconds: f64,
    /// The length of a window.
    pub(crate) window_seconds: f64,
    /// Each measure that was seen.
    pub(crate) growths: Vec<Growth>,
}

/// How fast a measure grew.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Growth {
    /// What it is, such as `producer memory`.
    pub(crate) measure: &'static str,
    /// `MB` or `ms`.
    pub(crate) unit: &'static str,
    /// At the end of the warm-up, in that unit; null, like everything that follows, if there were too few windows to
    /// say.
    pub(crate) at_start: Option<f64>,
    /// `MB/h`, or `%/h` of what it was at the start.
    pub(crate) growth_unit: &'static str,
    /// The growth in that unit.
    pub(crate) per_hour: Option<f64>,
    /// The 99 % interval's ends; null also where there is no bound.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    /// The most that is allowed.
    pub(crate) limit: f64,
    pub(crate) judgement: GrowthJudgement,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrowthJudgement {
    Below,
    Above,
    TooShortToTell,
}

impl Drift {
    /// Judges the points of a load of this length.
    pub(crate) fn of(series: &[Point], load_seconds: f64, limits: GrowthLimits) -> Self {
        let warm_up_seconds = (load_seconds * limits.warm_up_share).max(limits.warm_up_seconds);
        let load: Vec<Point> = series
            .iter()
            .filter(|point| point.seconds > warm_up_seconds && point.seconds <= load_seconds)
            .copied()
            .collect();
        let count = WINDOWS.min(load.len() / SHORTEST_WINDOW).max(1);
        let windows: Vec<&[Point]> =
            (0..count).map(|index| &load[index * load.len() / count..(index + 1) * load.len() / count]).collect();
        let memory = |measure, bytes: fn(&Point) -> Option<u64>| {
            let values = middles(&windows, |point| bytes(point).map(|bytes| bytes as f64 / 1e6));
            Growth::of(measure, &values, "MB", "MB/h", limits.megabytes_per_hour, |_| 1.0)
        };
        let growths = [
            memory("producer memory", |point| point.producer_memory_bytes),
            memory("consumer memory", |point| point.consumer_memory_bytes),
            Growth::of(
                "p99",
                &middles(&windows, |point| point.accepted_p99_ms),
                "ms",
                "%/h",
                limits.percent_per_hour,
                |at_start| 100.0 / at_start,
            ),
        ];
        Self {
            warm_up_seconds,
            window_seconds: (load_seconds - warm_up_seconds) / count as f64,
            growths: growths.into_iter().flatten().collect(),
        }
    }

    /// A verdict on each growth, except where the load was too short.
    pub(crate) fn verdicts(&self) -> Vec<ThresholdVerdict> {
        let judged = self.growths.iter().filter(|growth| growth.judgement != GrowthJudgement::TooShortToTell);
        judged.map(Growth::verdict).collect()
    }

    /// The measures of which the load did not show whether they grow; if nothing was seen at all, that is `everything`.
    pub(crate) fn unclear(&self) -> Vec<&'static str> {
        if self.growths.is_empty() {
            return vec!["everything"];
        }
        let unclear = self.growths.iter().filter(|growth| growth.judgement == GrowthJudgement::TooShortToTell);
        unclear.map(|growth| growth.measure).collect()
    }

    /// A line for each growth.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("growth after the first {:.0} s, with its 99 % interval", self.warm_up_seconds)];
        for growth in &self.growths {
            let at_start = growth.at_start.map_or("–".to_owned(), |value| format!("{value:.1} {}", growth.unit));
            let limit = format!("at most {} {}", growth.limit, growth.growth_unit);
            lines.push(
                format!(
                    "{:<16}{at_start:>10}   {:>12}   {:<26} {limit:<18} {}",
                    growth.measure,
                    growth.text(),
                    growth.interval(),
                    growth.judgement.words()
                )
                .trim_end()
                .to_owned(),
            );
        }
        lines
    }
}

/// The middle second of each window, at the window's middle in hours; windows in which the value is not known are left
/// out.
fn middles(windows: &[&[Point]], value: impl Fn(&Point) -> Option<f64>) -> Vec<(f64, f64)> {
    let middle = |points: &&[Point]| {
        let at = f64::midpoint(points.first()?.seconds, points.last()?.seconds) / SECONDS_OF_HOUR;
        Some((at, median(points.iter().filter_map(&value))?))
    };
    windows.iter().filter_map(middle).collect()
}

impl Growth {
    /// `factor` converts the values' unit per hour to the growth's unit. `None` if the measure was never seen.
    fn of(
        measure: &'static str,
        values: &[(f64, f64)],
        unit: &'static str,
        growth_unit: &'static str,
        limit: f64,
        factor: impl Fn(f64) -> f64,
    ) -> Option<Self> {
        if values.is_empty() {
            return None;
        }
        let line = slope(values).map(|line| {
            let factor = factor(line.at_start);
            let [estimate, low, high] = [line.estimate, line.low, line.high].map(|slope| slope * factor);
            Slope { estimate, low, high, ..line }
        });
        let at_start = line.map(|line| line.at_start);
        let last_half = slope(&values[values.len() / 2..]);
        let recent = last_half.zip(at_start).map(|(last_half, at_start)| last_half.estimate * factor(at_start));
        let judgement = match line {
            Some(line) if line.high <= limit => GrowthJudgement::Below,
            Some(line) if line.low > limit && recent.is_some_and(|recent| recent > limit) => GrowthJudgement::Above,
            _ => GrowthJudgement::TooShortToTell,
        };
        let finite = |value: f64| value.is_finite().then_some(value);
        Some(Self {
            measure,
            unit,
            at_start,
            growth_unit,
            per_hour: line.map(|line| line.estimate),
            low: line.and_then(|line| finite(line.low)),
            high: line.and_then(|line| finite(line.high)),
            limit,
            judgement,
        })
    }

    fn verdict(&self) -> ThresholdVerdict {
        ThresholdVerdict {
            threshold: format!("{} growth<={}{}", self.measure, self.limit, self.growth_unit),
            value: self.per_hour.unwrap_or(f64::NAN),
            holds: self.judgement == GrowthJudgement::Below,
        }
    }

    /// The growth in words.
    pub(crate) fn text(&self) -> String {
        self.per_hour.map_or("–".to_owned(), |per_hour| format!("{per_hour:+.2} {}", self.growth_unit))
    }

    /// Its interval in words.
    pub(crate) fn interval(&self) -> String {
        match (self.low, self.high) {
            (Some(low), Some(high)) => format!("{low:+.2} to {high:+.2}"),
            _ => "no bounds".to_owned(),
        }
    }
}

impl GrowthJudgement {
    pub(crate) fn words(self) -> &'static str {
        match self {
            GrowthJudgement::Below => "holds",
            GrowthJudgement::Above => "grows",
            GrowthJudgement::TooShortToTell => "too short to tell",
        }
    }
}

#[cfg(test)]
mod tests;
