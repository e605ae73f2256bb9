//! The load of a run: users, those who follow what was accepted, and the faults meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::text::rate;
use crate::command::options::SubmissionsOptions;
use crate::ledger::submissions::content::Contents;
use crate::load::generator::HEAD_START;
use crate::load::generator::alarm::Alarm;
use crate::load::pacing::turns::{Turns, UserRule};
use crate::load::pacing::{ClosedModel, Model, OpenModel, Rate};
use crate::load::share::RunShare;
use crate::load::submissions::records::{Book, Records};
use crate::load::submissions::shared::Shared;
use crate::load::submissions::users;
use crate::load::submissions::watcher::MOST_WATCHED;
use crate::pipeline::chaos::schedule;
use crate::pipeline::news;
use crate::pipeline::submissions::fault::SubmissionFault;
use crate::pipeline::submissions::stage::{Injected, SubmissionStage};
use crate::pipeline::submissions::system::System;

/// With faults the load lasts until the last of them is over, so its own end is far away.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long those who follow accepted submissions may take after all is final.
const FOLLOWERS_END: Duration = Duration::from_secs(60);

/// What the load needs beside the options.
pub(crate) struct LoadSetting {
    pub(crate) run: String,
    pub(crate) work_time: Duration,
    pub(crate) heartbeat: Duration,
}

/// What came of it.
pub(crate) struct Applied {
    pub(crate) book: Book,
    pub(crate) injected: Injected,
    pub(crate) started: Instant,
    pub(crate) load_time: Duration,
    /// From the end of the load until all was final; `None` if that was not seen.
    pub(crate) drained: Option<Duration>,
    /// Sentences.
    pub(crate) troubles: Vec<String>,
}

/// Applies the load and waits until all is final.
pub(crate) async fn apply(
    options: &SubmissionsOptions,
    setting: &LoadSetting,
    faults: Vec<SubmissionFault>,
    system: &Arc<System>,
    stop: &CancellationToken,
) -> anyhow::Result<Applied> {
    let records = Arc::new(Records::new(options.plan(), options.records.unwrap_or(Contents::MOST)));
    let (end, started) = (stop.child_token(), Instant::now() + HEAD_START);
    let no_more_looks = CancellationToken::new();
    let shared = Arc::new(Shared {
        records: Arc::clone(&records),
        turns: Turns::of(model(options, started, faults.is_empty()), UserRule::AnyFree, RunShare::WHOLE),
        target: system.api().clone(),
        request_timeout: options.request_timeout,
        run: setting.run.clone(),
        work_time: setting.work_time,
        alarm: Alarm::new().context("cannot create a timer")?,
        followers: TaskTracker::new(),
        watchers: Semaphore::new(MOST_WATCHED),
        stop: end.clone(),
        no_more_looks: no_more_looks.clone(),
    });
    let users: JoinSet<()> = (0..options.vus).map(|vu| users::run(Arc::clone(&shared), vu)).collect();
    let injecting = async {
        if faults.is_empty() {
            return Injected::default();
        }
        let schedule = schedule::at_random(faults.into_iter(), options.seed, options.duration, options.hold);
        let stage = SubmissionStage::new(system, setting.heartbeat);
        let injected = stage.inject(schedule, options.duration, &end).await;
        end.cancel();
        injected
    };
    let loading = async {
        let (_, injected) = tokio::join!(users.join_all(), injecting);
        let load_time = started.elapsed();
        news::say("the load is over; waiting until all is final");
        (injected, load_time, drained(options, system, &shared).await)
    };
    let (injected, load_time, drained) = tokio::select! {
        loaded = loading => loaded,
        () = shared.alarm.run() => return Err(anyhow!("the timer of the load ended")),
        () = system.watch_counters() => return Err(anyhow!("looking at the counters ended")),
        () = tell(&records, system, started) => return Err(anyhow!("the progress ended")),
    };
    let mut troubles = Vec::new();
    let drained = match drained {
        Ok(after) => Some(after),
        Err(error) => {
            troubles.push(format!("{error:#}"));
            None
        }
    };
    no_more_looks.cancel();
    shared.followers.close();
    if timeout(FOLLOWERS_END, shared.followers.wait()).await.is_err() {
        troubles.push("those who follow submissions do not end".to_owned());
    }
    drop(shared);
    let book = Arc::into_inner(records).context("somebody still writes")?.finish();
    Ok(Applied { book, injected, started, load_time, drained, troubles })
}

fn model(options: &SubmissionsOptions, start: Instant, is_calm: bool) -> Model {
    let end = start + if is_calm { options.duration } else { FAR };
    let (vus, think) = (options.vus, options.think);
    match options.rate {
        Some(rate) => {
            let rate = Rate::Constant(rate / options.plan().per_request());
            Model::Open(OpenModel { start, end, vus, rate })
        }
        None => Model::Closed(ClosedModel { start, end, vus, think }),
    }
}

/// Waits until nobody changes anything any more and all is final. Returns how long that took.
async fn drained(options: &SubmissionsOptions, system: &System, shared: &Shared) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    // Retries that are still to come begin series of their own.
    let longest_change = shared.work_time * 6 + Duration::from_secs(1);
    if options.plan().retry_share > 0.0 || options.plan().cancel_share > 0.0 {
        shared.followers.close();
        // Those who only watch need not end.
        timeout(longest_change, shared.followers.wait()).await.ok();
    }
    match system.drained(options.drain_timeout.saturating_sub(begin.elapsed())).await? {
        0 => Ok(begin.elapsed()),
        open => Err(anyhow!("{open} submissions are not final after {:?} (--drain-timeout)", options.drain_timeout)),
    }
}

/// Never returns: says once a second how it goes.
async fn tell(records: &Records, system: &System, started: Instant) {
    let mut seconds = interval(Duration::from_secs(1));
    let mut before = 0;
    seconds.tick().await;
    loop {
        seconds.tick().await;
        let accepted = records.accepted();
        let figures = match system.in_status().await {
            Ok(now) => format!(
                "{} pending, {} processing, {} passed, {} failed, {} cancelled",
                now.pending, now.processing, now.passed, now.failed, now.cancelled
            ),
            Err(_) => "the API does not answer".to_owned(),
        };
        let second = started.elapsed().as_secs();
        let rate = rate(accepted.saturating_sub(before), Duration::from_secs(1));
        news::say(&format!("{second:>5} s: {accepted} accepted ({rate}); {figures}"));
        before = accepted;
    }
}
