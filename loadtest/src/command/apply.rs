//! Applies the load and reports it once a second, until it is over or the pipeline fails.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::load::cpu::cpu_time;
use crate::load::generator::tally::Tally;
use crate::load::generator::{Generator, HEAD_START, Load};
use crate::load::live::Live;
use crate::load::recorder::Recorder;
use crate::load::share::RunShare;
use crate::pipeline::news::{self, News, Second};
use crate::pipeline::observer::Observer;
use crate::report::series::{self, Series};

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

/// Applies a load, starting now. `stop` ends it early, and so does `failure`, which resolves when the pipeline has
/// failed; either way it waits for the answers in flight.
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
    live.users(u32::try_from(load.share.users(load.model.vus()).len()).unwrap_or(u32::MAX));
    let mut ticks = tokio::time::interval_at((start + series::EVERY).into(), series::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut tally, mut failed) = (Tally::default(), None);
    let (mut failure, mut since, mut series) = (pin!(failure), start, Series::starting_at(start));
    series = series.keeping_stretches(load.share != RunShare::WHOLE);
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
                let (elapsed, length) = (now - start, now - since);
                news::tell(News::Second(Box::new(Second { elapsed, length, part, moment })));
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
    news::tell(News::LoadEnded(Box::new(part)));
    generator.finish()?;
    let last_answer = tally.last_end.unwrap_or(start);
    Ok(Applied { elapsed: last_answer - start, cpu, last_answer, tally, series, failure: failed })
}
