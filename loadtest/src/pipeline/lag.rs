//! The consumer group's lag while it changes, as Kafka itself reports it: from the end offsets and the committed ones.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kafka::topics::{Progress, Reader};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::load::statistics::slope;

/// How often Kafka is asked while a load lasts; the consumer commits every 200 ms.
const EVERY: Duration = Duration::from_millis(100);

/// How often Kafka is asked while waiting for the end of the lag.
const EVERY_AT_THE_END: Duration = Duration::from_millis(20);

/// Watches the group's lag in one topic.
#[derive(Clone)]
pub(crate) struct LagWatch {
    kafka: Arc<Reader>,
    topic: String,
}

/// How far the group was at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LagSample {
    pub(crate) at: Instant,
    /// Records that the group has finished, counted from the topic's first offsets.
    pub(crate) finished: u64,
    /// Records that it has not finished.
    pub(crate) lag: u64,
}

impl LagWatch {
    /// Watches this topic.
    pub(crate) fn new(kafka: Arc<Reader>, topic: &str) -> Self {
        Self { kafka, topic: topic.to_owned() }
    }

    /// Asks once.
    ///
    /// # Errors
    /// When Kafka does not answer, or has no such topic.
    pub(crate) async fn sample(&self) -> anyhow::Result<LagSample> {
        let (kafka, topic, asked) = (Arc::clone(&self.kafka), self.topic.clone(), Instant::now());
        let progress = spawn_blocking(move || kafka.progress(&topic)).await.context("asking for the lag failed")??;
        ensure!(!progress.is_empty(), "there is no topic {}: is KAFKA_TOPIC right?", self.topic);
        let finished = progress.iter().map(|partition| u64::try_from(partition.next()).unwrap_or(0)).sum();
        // The answer is of some moment in between, and a busy broker takes its time.
        let at = asked + asked.elapsed() / 2;
        Ok(LagSample { at, finished, lag: progress.into_iter().map(Progress::lag).sum() })
    }

    /// Adds samples for as long as it is polled. A sample that Kafka does not answer is left out.
    async fn watch(&self, samples: &mut Vec<LagSample>) -> Infallible {
        loop {
            samples.extend(self.sample().await);
            sleep(EVERY).await;
        }
    }

    /// The same where the lag may not be seen: then it adds nothing.
    pub(crate) async fn watch_if_seen(lag: Option<&Self>, samples: &mut Vec<LagSample>) -> Infallible {
        match lag {
            Some(lag) => lag.watch(samples).await,
            None => std::future::pending().await,
        }
    }

    /// Adds samples until the lag is at most `calm`, or for this long. Returns whether it is.
    ///
    /// # Errors
    /// When Kafka does not answer even then; until then it is asked again.
    pub(crate) async fn until_calm(
        &self,
        calm: u64,
        patience: Duration,
        samples: &mut Vec<LagSample>,
    ) -> anyhow::Result<bool> {
        let deadline = Instant::now() + patience;
        loop {
            match self.sample().await {
                Ok(sample) => {
                    samples.push(sample);
                    if sample.lag <= calm {
                        return Ok(true);
                    }
                    if Instant::now() >= deadline {
                        return Ok(false);
                    }
                }
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => {}
            }
            sleep(EVERY_AT_THE_END).await;
        }
    }
}

/// How fast the lag has grown between two times, in records a second; `None` if it was not seen twice.
pub(crate) fn growth(samples: &[LagSample], from: Instant, to: Instant) -> Option<f64> {
    let within = samples.iter().filter(|sample| sample.at >= from && sample.at <= to);
    let points: Vec<(f64, f64)> = within.map(|sample| ((sample.at - from).as_secs_f64(), sample.lag as f64)).collect();
    slope::estimate(&points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_seen_between_the_two_times_counts() {
        let start = Instant::now();
        let after = |tenths: u32| start + tenths * Duration::from_millis(100);
        // Ten records every tenth of a second, but for the warm-up before and the draining after.
        let lag = |tenths: u32| u64::from(if (20..=60).contains(&tenths) { 500 + 10 * tenths } else { 0 });
        let samples: Vec<LagSample> =
            (0..80).map(|tenths| LagSample { at: after(tenths), finished: 0, lag: lag(tenths) }).collect();
        let growth = |from, to| growth(&samples, after(from), after(to));
        assert!((growth(20, 60).unwrap() - 100.0).abs() < 1e-6, "{:?}", growth(20, 60));
        assert_eq!((growth(0, 19), growth(90, 99), growth(0, 0)), (Some(0.0), None, None));
    }
}
