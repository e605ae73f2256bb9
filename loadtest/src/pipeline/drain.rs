//! Waits until the pipeline has stored what it accepted: until the consumer group has no lag, or, where Kafka cannot be
//! reached, until the number of documents stops changing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use kafka::topics::{Progress, Reader};
use service::status::figures::grouped;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::ledger::post::RunId;
use crate::pipeline::news::{self, News};
use crate::pipeline::store::StoreReader;

/// How often the lag is asked for, so how exactly the end of the drain is known.
pub(crate) const LAG_PAUSE: Duration = Duration::from_millis(100);

/// Counting reads the whole collection, so it must be rare; the consumer flushes at least every five seconds.
const COUNT_PAUSE: Duration = Duration::from_secs(6);

const TELL_EVERY: Duration = Duration::from_secs(1);

/// How waiting ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Drained {
    /// From the last answer to the end of the wait.
    pub(crate) after: Duration,
    /// Records that the group had not finished then; zero if all went well, `None` if the lag cannot be seen.
    pub(crate) lag: Option<u64>,
}

/// Waits until all is stored, for at most `deadline`: by the lag in the topic where Kafka can be reached, else by the
/// number of documents. `None` where neither Kafka nor the store can be asked.
///
/// # Errors
/// When Kafka or the store does not answer.
pub(crate) async fn until_stored(
    kafka: Option<(&Arc<Reader>, &str)>,
    store: Option<&StoreReader>,
    run: RunId,
    accepted: u64,
    last_answer: Instant,
    deadline: Duration,
) -> anyhow::Result<Option<Drained>> {
    if let Some((kafka, topic)) = kafka
        && let Some(drained) = until_no_lag(kafka, topic, last_answer, deadline).await?
    {
        return Ok(Some(drained));
    }
    match store {
        Some(store) => until_count_is_stable(store, run, accepted, last_answer, deadline).await.map(Some),
        None => Ok(None),
    }
}

/// Waits until the group's lag in the topic is zero. If Kafka does not answer, it is asked again until the deadline.
/// `None` if there is no such topic, so that there is no lag either.
async fn until_no_lag(
    kafka: &Arc<Reader>,
    topic: &str,
    last_answer: Instant,
    deadline: Duration,
) -> anyhow::Result<Option<Drained>> {
    let mut last_said = Instant::now();
    loop {
        let (reader, asked) = (Arc::clone(kafka), topic.to_owned());
        let progress = spawn_blocking(move || reader.progress(&asked)).await.context("asking for the lag failed")?;
        if progress.as_ref().is_ok_and(Vec::is_empty) {
            news::say(&format!("there is no topic {topic}, so no lag is seen: set KAFKA_TOPIC to that of the target"));
            return Ok(None);
        }
        let lag = progress.map(|partitions| partitions.into_iter().map(Progress::lag).sum::<u64>());
        let after = last_answer.elapsed();
        if after >= deadline || matches!(lag, Ok(0)) {
            return Ok(Some(Drained { after, lag: Some(lag?) }));
        }
        if last_said.elapsed() >= TELL_EVERY {
            last_said = Instant::now();
            let lag = lag.map_or_else(|error| format!("unknown: {error:#}"), grouped);
            news::tell(News::Status(format!("waiting until all is stored, lag {lag}")));
        }
        sleep(LAG_PAUSE).await;
    }
}

/// Waits until the store has `accepted` documents of the run, or their number stays the same.
async fn until_count_is_stable(
    store: &StoreReader,
    run: RunId,
    accepted: u64,
    last_answer: Instant,
    deadline: Duration,
) -> anyhow::Result<Drained> {
    let mut before = None;
    loop {
        let count = store.count(run).await?;
        let after = last_answer.elapsed();
        if count >= accepted || before == Some(count) || after >= deadline {
            return Ok(Drained { after, lag: None });
        }
        before = Some(count);
        let (count, accepted) = (grouped(count), grouped(accepted));
        news::tell(News::Status(format!("waiting until all is stored, {count} of {accepted}")));
        sleep(COUNT_PAUSE).await;
    }
}
