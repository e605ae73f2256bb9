//! Asks Kafka once a second where the partitions end and what the group has committed, on its own threads, because
//! librdkafka's requests block. Partitions that do not answer are asked on a separate thread, so that they delay no
//! other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use service::Readiness;
use service::cluster::Cluster;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::config::ANSWER_TIMEOUT;
use super::context::{GroupConsumer, to_list};
use super::core::{Assignment, Event};
use super::front::Front;
use super::lag::{Book, Committed};
use crate::reach::{may_read, reach};
use crate::shown::CONDITION;

/// How often Kafka is asked.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The longest delay before a stop is noticed.
const STEP: Duration = Duration::from_millis(100);

/// What one thread asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// The ends of the partitions that answered last time, and whether Kafka is there at all.
    Ends,
    /// The ends of the partitions that did not answer last time.
    SilentEnds,
    /// What the group has committed.
    Committed,
}

impl Question {
    /// Every question.
    pub(super) const ALL: [(Question, &'static str); 3] =
        [(Question::Ends, "watch"), (Question::SilentEnds, "watch-silent"), (Question::Committed, "watch-committed")];
}

/// Keeps the book and the pipeline up to date.
pub(super) struct Watch<R: Send + Sync + 'static> {
    pub(super) consumer: Arc<GroupConsumer<R>>,
    pub(super) front: Arc<Front<R>>,
    pub(super) topic: String,
    pub(super) cluster: Cluster,
    /// For what is asked without librdkafka.
    pub(super) runtime: Handle,
    pub(super) book: Arc<Book>,
    /// Drained by the pipeline; a few events a second.
    pub(super) events: mpsc::UnboundedSender<Event<R>>,
    pub(super) readiness: Readiness,
    /// The partitions that did not answer last time.
    pub(super) silent: Mutex<BTreeSet<i32>>,
    /// Kafka has forgotten what the group has committed.
    pub(super) is_recreated: CancellationToken,
}

impl<R: Send + Sync + 'static> Watch<R> {
    /// Blocks its thread until the stop.
    pub(super) fn run(&self, question: Question, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match question {
                Question::Ends => self.ask_ends(stop),
                Question::SilentEnds => self.ask_silent_ends(stop),
                Question::Committed => self.ask_committed(),
            }
            let mut waited = Duration::ZERO;
            while waited < WATCH_INTERVAL && !stop.is_cancelled() {
                std::thread::sleep(STEP);
                waited += STEP;
            }
        }
    }

    fn ask_ends(&self, stop: &CancellationToken) {
        let rights = self.consumer.context().rights();
        if rights.lacks_topic() && self.runtime.block_on(may_read(&self.cluster, &self.topic)) {
            rights.reads();
        }
        let held: Vec<i32> = self.front.held().into_iter().map(|(partition, _)| partition).collect();
        self.silent().retain(|partition| held.contains(partition));
        let silent = self.silent().clone();
        let mut outcome = Ok(());
        for partition in held.iter().filter(|partition| !silent.contains(partition)) {
            if stop.is_cancelled() {
                return;
            }
            if let Err(error) = self.ask_end(*partition) {
                self.silent().insert(*partition);
                outcome = Err(format!("partition {partition} does not answer: {error}"));
                // At once: the others may not answer either, and each takes its own time.
                self.show(&outcome);
            }
        }
        if let (Ok(()), Some(first)) = (&outcome, silent.first()) {
            outcome = Err(format!("{} of {} partitions do not answer, among them {first}", silent.len(), held.len()));
        }
        if held.is_empty() {
            outcome = self.ask_group();
        }
        let is_cut_off = self.silent().len() == held.len() && !stop.is_cancelled();
        if is_cut_off
            && let Err(error) = &outcome
            && let Some(why) = self.why()
        {
            outcome = Err(format!("{error}; {why}"));
        }
        self.show(&outcome);
    }

    /// Whether Kafka and the group's coordinator answer; for a member that holds nothing, nothing else asks that.
    fn ask_group(&self) -> Result<(), String> {
        let asked = self.consumer.fetch_metadata(Some(&self.topic), ANSWER_TIMEOUT);
        asked.map_err(|error| format!("does not answer: {error}"))?;
        let list = to_list(&self.topic, [(0, None)].into_iter());
        let asked = self.consumer.committed_offsets(list, ANSWER_TIMEOUT);
        asked.map(drop).map_err(|error| format!("the group's coordinator does not answer: {error}"))
    }

    /// librdkafka only says that it does not reach Kafka.
    fn why(&self) -> Option<String> {
        let why = self.runtime.block_on(reach(&self.cluster, &self.topic)).err();
        why.map(|error| format!("{error:#}"))
    }

    fn show(&self, outcome: &Result<(), String>) {
        match outcome {
            Ok(()) => {
                if self.readiness.met(CONDITION) {
                    tracing::info!("Kafka answers again");
                }
            }
            Err(error) => {
                if self.readiness.unmet(CONDITION, error) {
                    tracing::warn!(error, "Kafka does not answer");
                }
            }
        }
    }

    fn ask_silent_ends(&self, stop: &CancellationToken) {
        // Not in the loop's head: the lock would be held until the loop ends.
        let silent = self.silent().clone();
        for partition in silent {
            if stop.is_cancelled() {
                return;
            }
            if self.ask_end(partition).is_ok() {
                self.silent().remove(&partition);
            }
        }
    }

    fn ask_end(&self, partition: i32) -> KafkaResult<()> {
        let (low, high) = self.consumer.fetch_watermarks(&self.topic, partition, ANSWER_TIMEOUT)?;
        self.book.watermarks(partition, low, high);
        // A pipeline that has ended does not need it.
        self.events.send(Event::Watermarks { partition, low, high }).ok();
        Ok(())
    }

    fn ask_committed(&self) {
        let (held, known) = (self.front.held(), self.book.known_committed());
        let seen = match committed(&self.consumer, &self.topic, &held) {
            Ok(seen) => seen,
            Err(error) => return tracing::debug!(%error, "the group does not say what it has committed"),
        };
        if is_forgotten(&seen, &known) {
            return self.is_recreated.cancel();
        }
        let mut committed = Vec::new();
        for (partition, assignment, offset) in seen {
            // An answer that a commit has overtaken is not news.
            let before = known.get(&partition).copied().unwrap_or_default();
            let is_news = match before {
                Committed::Unknown => true,
                Committed::Nothing => false,
                Committed::Offset(before) => offset.is_some_and(|offset| offset < before),
            };
            self.book.seen_committed(partition, before, offset);
            if is_news {
                committed.push((partition, assignment, offset));
            }
        }
        if !committed.is_empty() {
            self.events.send(Event::SeenCommitted(committed)).ok();
        }
    }

    fn silent(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the group shows nothing committed for a partition that had a committed offset: then its offsets were
/// deleted, most likely with the topic, and the partition now holds other records.
pub(super) fn is_forgotten(seen: &[Seen], known: &BTreeMap<i32, Committed>) -> bool {
    seen.iter().any(|(id, _, offset)| offset.is_none() && matches!(known.get(id), Some(Committed::Offset(_))))
}

/// What the group has committed of a partition, held under this assignment: the next offset to read, or nothing.
type Seen = (i32, Assignment, Option<i64>);

/// What the group has committed of each of these partitions. Blocks until Kafka has answered.
pub(super) fn committed<R: Send + Sync + 'static>(
    consumer: &GroupConsumer<R>,
    topic: &str,
    held: &[(i32, Assignment)],
) -> KafkaResult<Vec<Seen>> {
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let list = to_list(topic, held.iter().map(|(partition, _)| (*partition, None)));
    let answer = consumer.committed_offsets(list, ANSWER_TIMEOUT)?;
    let offset = |(partition, assignment): &(i32, Assignment)| {
        let element = answer.find_partition(topic, *partition)?;
        match (element.error(), element.offset()) {
            (Ok(()), Offset::Offset(offset)) => Some((*partition, *assignment, Some(offset))),
            (Ok(()), Offset::Invalid) => Some((*partition, *assignment, None)),
            _ => None,
        }
    };
    Ok(held.iter().filter_map(offset).collect())
}
