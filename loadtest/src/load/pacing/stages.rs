//! A rate that changes: points of time and rate, such as `0s:500,30s:5000,60s:5000`. Between two points the rate
//! follows a straight line. Post number `n` is due when the integral of the rate reaches `n`, so the number of posts
//! due by any time is the area under the line, and none is left out.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use service::settings::parse_duration;

/// The highest rate, in posts per second.
const HIGHEST_RATE: f64 = 1_000_000.0;

/// The points, and the stages between them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stages {
    points: Arc<[RatePoint]>,
    stages: Arc<[RateStage]>,
}

/// The rate at a point of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct RatePoint {
    /// Seconds since the start.
    #[serde(rename = "at_seconds")]
    at: f64,
    /// Posts per second.
    rate: f64,
}

/// The line between two points.
#[derive(Debug, Clone, Copy, PartialEq)]
struct RateStage {
    from: RatePoint,
    to: RatePoint,
    /// Posts due before this stage.
    posts_before: f64,
    /// Posts due by its end.
    posts_until_end: f64,
}

impl Stages {
    /// The time of the last point.
    pub(crate) fn length(&self) -> Duration {
        self.points.last().map_or(Duration::ZERO, |last| Duration::from_secs_f64(last.at))
    }

    /// The points, in order.
    pub(crate) fn points(&self) -> &[RatePoint] {
        &self.points
    }

    /// How long after the start post number `post` (from zero) is due; `None` if the stages end first.
    pub(crate) fn due(&self, post: u64) -> Option<Duration> {
        let post = post as f64;
        let stage = self.stages.get(self.stages.partition_point(|stage| stage.posts_until_end < post))?;
        Some(Duration::from_secs_f64(stage.reaches(post)))
    }

    fn of(points: Vec<RatePoint>) -> Self {
        let (mut stages, mut posts_before) = (Vec::new(), 0.0);
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let posts_until_end = posts_before + (to.at - from.at) * (from.rate + to.rate) / 2.0;
            stages.push(RateStage { from, to, posts_before, posts_until_end });
            posts_before = posts_until_end;
        }
        Self { points: points.into(), stages: stages.into() }
    }
}

impl RateStage {
    /// When this many posts are due, in seconds since the start of all stages.
    fn reaches(&self, posts: f64) -> f64 {
        let (Self { from, to, .. }, posts) = (self, posts - self.posts_before);
        if posts <= 0.0 {
            return from.at;
        }
        let slope = (to.rate - from.rate) / (to.at - from.at);
        // The positive root of posts = rate * time + slope / 2 * time², in the form that avoids cancellation.
        let rate_then = (from.rate * from.rate + 2.0 * slope * posts).max(0.0).sqrt();
        (from.at + 2.0 * posts / (from.rate + rate_then)).min(to.at)
    }
}

impl FromStr for Stages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let points = text.split(',').map(point).collect::<Result<Vec<_>, _>>()?;
        if points.len() < 2 {
            return Err("there must be at least two points, such as 0s:500,30s:5000".to_owned());
        }
        if points[0].at != 0.0 {
            return Err("the first point must be at 0s".to_owned());
        }
        if points.windows(2).any(|pair| pair[1].at < pair[0].at) {
            return Err("the points must follow each other in time".to_owned());
        }
        let stages = Self::of(points);
        match stages.stages.last() {
            Some(last) if last.posts_until_end > 0.0 => Ok(stages),
            _ => Err("no post is due in these stages".to_owned()),
        }
    }
}

fn point(text: &str) -> Result<RatePoint, String> {
    let unreadable = || format!("`{text}` is not a point: it must be a time and posts per second, such as 30s:5000");
    let (at, rate) = text.trim().split_once(':').ok_or_else(unreadable)?;
    let at = if at == "0" { Some(Duration::ZERO) } else { parse_duration(at) };
    let rate = rate.parse().ok().filter(|rate: &f64| (0.0..=HIGHEST_RATE).contains(rate));
    let (Some(at), Some(rate)) = (at, rate) else { return Err(unreadable()) };
    Ok(RatePoint { at: at.as_secs_f64(), rate })
}

impl fmt::Display for RatePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s:{}", self.at, self.rate)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lengths of the stages in milliseconds, and the rates at their ends.
    fn any_stages() -> impl Strategy<Value = Stages> {
        let stage = (prop_oneof![4 => 1_u32..5_000, 1 => Just(0)], prop_oneof![4 => 1_u32..2_000, 1 => Just(0)]);
        (0_u32..2_000, proptest::collection::vec(stage, 1..6)).prop_map(|(rate, stages)| {
            let mut points = vec![RatePoint { at: 0.0, rate: f64::from(rate) }];
            let mut at_ms = 0;
            for (length_ms, rate) in stages {
                at_ms += u64::from(length_ms);
                points.push(RatePoint { at: Duration::from_millis(at_ms).as_secs_f64(), rate: f64::from(rate) });
            }
            Stages::of(points)
        })
    }

    /// The integral of the rate up to this time: the sum of each stage's trapezium.
    fn integral(stages: &Stages, until: f64) -> f64 {
        let mut posts = 0.0;
        for pair in stages.points().windows(2) {
            let (from, to) = (pair[0], pair[1]);
            if from.at < until && from.at < to.at {
                let end = until.min(to.at);
                let rate = from.rate + (to.rate - from.rate) * (end - from.at) / (to.at - from.at);
                posts += (end - from.at) * (from.rate + rate) / 2.0;
            }
        }
        posts
    }

    fn due_times(stages: &Stages) -> Vec<f64> {
        (0..).map_while(|post| stages.due(post)).map(|due| due.as_secs_f64()).collect()
    }

    #[test]
    fn a_ramp_has_the_area_under_its_line() {
        let stages: Stages = "0s:500,30s:5000,1m:5000".parse().unwrap();
        assert_eq!(stages.length(), Duration::from_secs(60));
        let times = due_times(&stages);
        assert!(times.len().abs_diff(82_500 + 150_000) <= 1, "{}", times.len());
        // A third of the way up, 10 s * (500 + 2000) / 2 are due.
        assert!((times[12_500] - 10.0).abs() < 1e-9, "{}", times[12_500]);
        assert_eq!(stages.points().last().unwrap().to_string(), "60s:5000");
    }

    #[test]
    fn a_step_and_a_pause_are_stages_too() {
        let stages: Stages = "0:2, 1s:2, 1s:0, 3s:0, 3s:4, 4s:4".parse().unwrap();
        assert_eq!(due_times(&stages), [0.0, 0.5, 1.0, 3.25, 3.5, 3.75, 4.0]);
    }

    #[test]
    fn an_unreadable_rate_is_an_error() {
        for (text, expected) in [
            ("", "`` is not a point"),
            ("0s:500", "at least two points"),
            ("0s:500,30s", "`30s` is not a point"),
            ("0s:500,30:5", "`30:5` is not a point"),
            ("0s:500,30s:-5", "`30s:-5` is not a point"),
            ("0s:500,30s:NaN", "`30s:NaN` is not a point"),
            ("0s:500,30s:1000001", "is not a point"),
            ("1s:500,30s:5", "first point must be at 0s"),
            ("0s:500,30s:5,20s:5", "must follow each other"),
            ("0s:0,30s:0", "no post is due"),
            ("0s:5,0s:5", "no post is due"),
        ] {
            let error = text.parse::<Stages>().unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn the_number_of_due_posts_is_the_integral(stages in any_stages(), share in 0.0_f64..=1.0) {
            let until = stages.length().as_secs_f64() * share;
            let due = due_times(&stages).into_iter().filter(|at| *at <= until).count() as f64;
            let expected = integral(&stages, until);
            prop_assert!((due - expected).abs() <= 1.0 + 1e-4, "{} of {}", due, expected);
        }

        #[test]
        fn no_post_is_left_out_and_none_overtakes(stages in any_stages()) {
            let times = due_times(&stages);
            prop_assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
            let total = integral(&stages, stages.length().as_secs_f64());
            prop_assert!((times.len() as f64 - total).abs() <= 1.0 + 1e-4, "{} of {}", times.len(), total);
            for (post, at) in times.iter().enumerate() {
                let reached = integral(&stages, *at);
                prop_assert!((reached - post as f64).abs() < 1e-2, "post {} at {}: {}", post, at, reached);
            }
        }

        #[test]
        fn points_read_back_as_they_are_shown(stages in any_stages()) {
            for point in stages.points() {
                prop_assert_eq!(super::point(&point.to_string()), Ok(*point));
            }
        }
    }
}
