//! Lets the faults of a schedule happen, at random moments or one by one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::schedule::PlannedFault;
use super::stage::{HappenedFault, Stage};
use super::watch::ChaosWatch;

/// Longest wait for the recovery from one fault before the next one comes.
const RECOVERY_DEADLINE: Duration = Duration::from_secs(120);
const RECOVERY_PAUSE: Duration = Duration::from_millis(50);

/// A pause after the recovery, so that the next fault's silence is not counted as this one's.
const REST: Duration = Duration::from_millis(1_500);

/// Before the first of the faults that come one by one.
const WARM_UP: Duration = Duration::from_secs(3);

/// What was done, and what could not be done.
#[derive(Default)]
pub(crate) struct Injected {
    pub(crate) happened: Vec<HappenedFault>,
    /// Sentences.
    pub(crate) troubles: Vec<String>,
}

impl Injected {
    fn note(&mut self, planned: &PlannedFault, outcome: anyhow::Result<HappenedFault>) {
        match outcome {
            Ok(happened) => self.happened.push(happened),
            Err(error) => self.troubles.push(format!("{}: {error:#}", planned.fault)),
        }
    }
}

/// Each fault in turn, when the lag is `calm` again after the previous one, until all are over or `end` is cancelled.
pub(crate) async fn one_by_one(
    schedule: Vec<PlannedFault>,
    stage: &Stage,
    watch: &ChaosWatch,
    calm: u64,
    end: &CancellationToken,
) -> Injected {
    let mut injected = Injected::default();
    sleep(WARM_UP).await;
    for planned in schedule {
        if end.is_cancelled() {
            break;
        }
        injected.note(&planned, stage.inject(&planned).await);
        let since = watch.at(Instant::now());
        while !watch.timeline().is_calm_since(since, calm) && !end.is_cancelled() {
            if watch.at(Instant::now()) > since + RECOVERY_DEADLINE {
                let seconds = RECOVERY_DEADLINE.as_secs();
                injected.troubles.push(format!("no recovery from {} within {seconds} s", planned.fault));
                return injected;
            }
            sleep(RECOVERY_PAUSE).await;
        }
        sleep(REST).await;
    }
    injected
}

/// All faults at their random moments, for at least `duration`, or until `end` is cancelled.
pub(crate) async fn at_random(
    schedule: Vec<PlannedFault>,
    duration: Duration,
    stage: &Arc<Stage>,
    end: &CancellationToken,
) -> Injected {
    let started = tokio::time::Instant::now();
    let mut injecting = JoinSet::new();
    for planned in schedule {
        let (stage, end) = (Arc::clone(stage), end.clone());
        injecting.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep_until(started + planned.at) => {}
                () = end.cancelled() => return None,
            }
            Some((planned, stage.inject(&planned).await))
        });
    }
    let mut injected = Injected::default();
    for (planned, outcome) in injecting.join_all().await.into_iter().flatten() {
        injected.note(&planned, outcome);
    }
    injected.happened.sort_by_key(|happened| happened.begin);
    tokio::select! {
        () = tokio::time::sleep_until(started + duration) => {}
        () = end.cancelled() => {}
    }
    injected
}
