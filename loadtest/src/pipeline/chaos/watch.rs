//! Watches a pipeline during chaos: how many posts were accepted, and how large the lag is.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use kafka::topics::{Progress, Reader};

use super::timeline::Timeline;
use crate::load::recorder::Recorder;

const ACCEPTED_EVERY: Duration = Duration::from_millis(20);
const LAG_EVERY: Duration = Duration::from_millis(200);

/// A watch that continues until it is ended.
pub(crate) struct ChaosWatch {
    start: Instant,
    timeline: Arc<Mutex<Timeline>>,
    is_over: Arc<AtomicBool>,
    lag: JoinHandle<()>,
}

impl ChaosWatch {
    /// Starts to watch the lag, on a thread of its own because asking for it blocks.
    pub(crate) fn begin(kafka: Reader, topic: &str) -> anyhow::Result<Self> {
        let start = Instant::now();
        let (timeline, is_over) = (Arc::new(Mutex::new(Timeline::default())), Arc::new(AtomicBool::new(false)));
        let (noted, over, topic) = (Arc::clone(&timeline), Arc::clone(&is_over), topic.to_owned());
        let watch = move || {
            while !over.load(Ordering::Relaxed) {
                // Kafka is away now and then; the lag is unknown then.
                if let Ok(partitions) = kafka.progress(&topic)
                    && !partitions.is_empty()
                {
                    let lag = partitions.iter().copied().map(Progress::lag).sum();
                    let finished = partitions.iter().map(|partition| partition.next()).sum::<i64>();
                    let (now, mut timeline) = (start.elapsed(), locked(&noted));
                    timeline.lag(now, lag);
                    timeline.finished(now, u64::try_from(finished).unwrap_or(0));
                }
                std::thread::sleep(LAG_EVERY);
            }
        };
        let lag = std::thread::Builder::new().name("lag".to_owned()).spawn(watch).context("cannot start a thread")?;
        Ok(Self { start, timeline, is_over, lag })
    }

    /// Watches the accepted posts, for as long as it is polled.
    pub(crate) async fn accepted(&self, recorder: &Recorder) -> Infallible {
        loop {
            locked(&self.timeline).accepted(self.start.elapsed(), recorder.accepted());
            tokio::time::sleep(ACCEPTED_EVERY).await;
        }
    }

    /// A moment as the timeline counts it.
    pub(crate) fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }

    /// What was seen so far.
    pub(crate) fn timeline(&self) -> MutexGuard<'_, Timeline> {
        locked(&self.timeline)
    }

    /// Ends the watch and returns what was seen.
    pub(crate) fn end(self) -> anyhow::Result<Timeline> {
        self.is_over.store(true, Ordering::Relaxed);
        if self.lag.join().is_err() {
            anyhow::bail!("the watch of the lag panicked");
        }
        let timeline =
            Arc::into_inner(self.timeline).context("the watch has ended and nobody else has the timeline")?;
        Ok(timeline.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

fn locked(timeline: &Mutex<Timeline>) -> MutexGuard<'_, Timeline> {
    timeline.lock().unwrap_or_else(PoisonError::into_inner)
}
