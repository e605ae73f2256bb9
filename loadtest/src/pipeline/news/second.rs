//! A second of load.

use std::time::Duration;

use service::status::figures::grouped;

use crate::base::text::{milliseconds, rate};
use crate::load::generator::tally::Tally;
use crate::pipeline::observer::Moment;

/// What was counted in it, and the pipeline at its end.
#[derive(Debug, Clone)]
pub(crate) struct Second {
    /// From the start of the load.
    pub(crate) elapsed: Duration,
    pub(crate) length: Duration,
    pub(crate) part: Tally,
    pub(crate) moment: Moment,
}

impl Second {
    /// One line of progress.
    pub(crate) fn line(&self) -> String {
        let Self { elapsed, length, part, moment } = self;
        let number = |number: Option<u64>| number.map_or("-".to_owned(), grouped);
        let outcomes = part.outcomes;
        let latencies = part.latencies_with_warm_up();
        let latency = |quantile| milliseconds(Duration::from_micros(latencies.accepted_us.value_at_quantile(quantile)));
        let mut line = format!(
            "{:>4} s  accepted {:>9}  p50 {:>8}  p95 {:>8}  p99 {:>8}  lag {:>8}  stored {:>10}",
            elapsed.as_secs(),
            rate(outcomes.accepted, *length),
            latency(0.50),
            latency(0.95),
            latency(0.99),
            number(moment.lag),
            number(moment.stored),
        );
        let failed = outcomes.failed();
        if failed > 0 {
            line += &format!("  NOT accepted {}", grouped(failed));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use contract::PostId;

    use super::*;
    use crate::load::generator::outcome::Outcome;

    #[test]
    fn a_line_shows_the_last_second() {
        let (now, mut part) = (Instant::now(), Tally::default());
        for latency_ms in [2, 3, 40] {
            part.record(Outcome::Accepted(PostId::fresh()), now, now + Duration::from_millis(latency_ms));
        }
        let seconds = Duration::from_secs;
        let moment = Moment { lag: Some(1_234), ..Moment::default() };
        let mut second = Second { elapsed: seconds(12), length: seconds(1), part, moment };
        assert_eq!(
            second.line(),
            "  12 s  accepted     3.0/s  p50   3.0 ms  p95  40.0 ms  p99  40.0 ms  lag    1,234  stored          -"
        );
        second.part.record(Outcome::NotConnected, now, now);
        assert!(second.line().ends_with("  NOT accepted 1"));
    }
}
