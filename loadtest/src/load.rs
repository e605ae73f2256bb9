//! Applies the load and tells of it, one line a second, until it is over or the pipeline has failed.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::generator::tally::Tally;
use crate::generator::{Generator, Load};
use crate::live::Live;
use crate::observer::{Moment, Observer};
use crate::recorder::Recorder;
use crate::series::{self, Series};
use crate::text::{grouped, milliseconds, rate};

/// A moment, so that the first posts are not late because of the threads' start.
const HEAD_START: Duration = Duration::from_millis(20);

/// The load as it was.
pub(crate) struct Applied {
    /// Everything that was counted.
    pub(crate) tally: Tally,
    /// From the start to the last answer.
    pub(crate) elapsed: Duration,
    /// CPU time that this process used meanwhile.
    pub(crate) cpu: Duration,
    /// When the last answer came.
    pub(crate) last_answer: Instant,
    /// What was seen, second by second.
    pub(crate) series: Series,
    /// Why the load was ended early, if the pipeline failed.
    pub(crate) failure: Option<String>,
}

/// Applies a load from now on. `stop` ends it early, and so does `failure`, which resolves when the pipeline has failed; either way
/// the answers in flight are waited for.
pub(crate) async fn apply(
    load: &Load,
    recorder: &Arc<Recorder>,
    observer: &mut Observer,
    live: &Live,
    failure: impl Future<Output = String>,
    stop: &CancellationToken,
) -> anyhow::Result<Applied> {
    let stop_users = stop.child_token();
    let start = Instant::now() + HEAD_START;
    let load = Load { model: load.model.clone().starting_at(start), ..load.clone() };
    let cpu_before = cpu_time();
    let mut generator = Generator::start(&load, recorder, &stop_users)?;
    live.users(load.model.vus());
    let mut ticks = tokio::time::interval_at((start + series::EVERY).into(), series::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut tally, mut failed) = (Tally::default(), None);
    let (mut failure, mut since, mut series) = (pin!(failure), start, Series::starting_at(start));
    loop {
        tokio::select! {
            () = generator.ended() => break,
            reason = &mut failure, if failed.is_none() => {
                failed = Some(reason);
                stop_users.cancel();
            }
            _ = ticks.tick() => {
                let now = Instant::now();
                let part = generator.take();
                live.add(&part);
                tally.merge(&part);
                series.count(&part);
                let moment = observer.look().await;
                series.point(now, moment);
                eprintln!("{}", line(now - start, &part, now - since, moment));
                since = now;
            }
        }
    }
    let cpu = cpu_time().saturating_sub(cpu_before);
    let part = generator.take();
    live.add(&part);
    live.users(0);
    tally.merge(&part);
    series.count(&part);
    generator.finish()?;
    let last_answer = tally.last_end.unwrap_or(start);
    Ok(Applied { elapsed: last_answer - start, cpu, last_answer, tally, series, failure: failed })
}

/// CPU time of this process until now, over all its threads.
fn cpu_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).unwrap_or_default()
}

/// One line of progress: what was counted in `part`, the last stretch of the run, and the moment at its end.
fn line(elapsed: Duration, part: &Tally, length: Duration, moment: Moment) -> String {
    let number = |number: Option<u64>| number.map_or("-".to_owned(), grouped);
    let outcomes = part.outcomes;
    let mut line = format!(
        "{:>4} s  accepted {:>9}  p50 {:>8}  p95 {:>8}  p99 {:>8}  lag {:>8}  stored {:>10}",
        elapsed.as_secs(),
        rate(outcomes.accepted, length),
        milliseconds(part.latency(0.50)),
        milliseconds(part.latency(0.95)),
        milliseconds(part.latency(0.99)),
        number(moment.lag),
        number(moment.stored),
    );
    let failed = outcomes.failed();
    if failed > 0 {
        line += &format!("  NOT accepted {}", grouped(failed));
    }
    line
}

#[cfg(test)]
mod tests {
    use contract::PostId;

    use super::*;
    use crate::generator::outcome::Outcome;

    #[test]
    fn a_line_tells_the_last_second() {
        let (now, mut part) = (Instant::now(), Tally::default());
        for latency_ms in [2, 3, 40] {
            part.record(Outcome::Accepted(PostId::fresh()), now, now + Duration::from_millis(latency_ms));
        }
        let seconds = Duration::from_secs;
        let told = line(seconds(12), &part, seconds(1), Moment { lag: Some(1_234), ..Moment::default() });
        assert_eq!(
            told,
            "  12 s  accepted     3.0/s  p50   3.0 ms  p95  40.0 ms  p99  40.0 ms  lag    1,234  stored          -"
        );
        part.record(Outcome::NotConnected, now, now);
        assert!(line(seconds(13), &part, seconds(1), Moment::default()).ends_with("  NOT accepted 1"));
    }
}
