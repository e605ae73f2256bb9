//! Reads the dead letters, the topic and the store of a run for its [ledger of states](crate::ledger::states): one pass
//! over all of them, and more passes over the topic only where its account does not balance.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use anyhow::{Context, ensure};
use bson::RawDocument;
use contract::DeadLetter;
use kafka::topics::{ReadRecord, Reader};
use tokio::task::spawn_blocking;

use super::store::StoreReader;
use super::topic::letter_parts;
use crate::ledger::accepted_ids::FinishedLog;
use crate::ledger::books::Ledger;
use crate::ledger::plan::RunPlan;
use crate::ledger::reconcile::{Reconciled, Strictness};
use crate::ledger::states::older::OlderStates;
use crate::ledger::states::{StateLetter, StateReconciliation, TopicRecord};
use late::LateStates;

mod late;

/// Where the records of a run are.
pub(crate) struct StatePlaces<'a> {
    pub(crate) plan: RunPlan,
    pub(crate) store: &'a StoreReader,
    pub(crate) kafka: &'a Arc<Reader>,
    pub(crate) topic: &'a str,
    pub(crate) dead_letter_topic: &'a str,
    pub(crate) start: &'a StateStart,
}

/// Where the topics ended before the run.
#[derive(Debug, Default)]
pub(crate) struct StateStart {
    records: Vec<(i32, Range<i64>)>,
    letters: Vec<(i32, Range<i64>)>,
}

impl StateStart {
    /// Where they end now.
    pub(crate) async fn now(kafka: &Arc<Reader>, topic: &str, dead_letter_topic: &str) -> anyhow::Result<Self> {
        Ok(Self { records: ends(kafka, topic).await?, letters: ends(kafka, dead_letter_topic).await? })
    }
}

/// Where a topic ends now; nothing of a topic that does not exist yet.
async fn ends(kafka: &Arc<Reader>, topic: &str) -> anyhow::Result<Vec<(i32, Range<i64>)>> {
    let (kafka, topic) = (Arc::clone(kafka), topic.to_owned());
    spawn_blocking(move || kafka.all_offsets(&topic)).await.context("asking for the offsets failed")?
}

/// Balances a run.
pub(crate) async fn reconcile(
    ledger: Ledger,
    accepted: &FinishedLog,
    places: StatePlaces<'_>,
    strictness: Strictness,
    older: Option<&OlderStates>,
) -> anyhow::Result<Reconciled> {
    let StatePlaces { plan, store, kafka, topic, dead_letter_topic, start } = places;
    let mut reconciliation = StateReconciliation::begin(ledger, plan, strictness);
    older.into_iter().for_each(|older| reconciliation.older(older));
    let now = ends(kafka, topic).await?;
    still_there(topic, &start.records, &now)?;
    let of_run = since(&start.records, now);
    // Earlier letters may be of a topic that was recreated, with other records at the same places.
    let letters_of_run = since(&start.letters, ends(kafka, dead_letter_topic).await?);
    let (reader, letters, source) = (Arc::clone(kafka), dead_letter_topic.to_owned(), topic.to_owned());
    let entering = spawn_blocking(move || {
        reader.read(&letters, &letters_of_run, |record| {
            let parts = letter_parts(record).filter(|(letter, ..)| letter.topic == source);
            if let Some((DeadLetter { partition, offset, id, .. }, left_out, time_ms)) = parts {
                let (id, key, value) = (&id, record.key(), record.value());
                reconciliation.dead_letter(&StateLetter { partition, offset, id, left_out, time_ms, key, value });
            }
            ControlFlow::<()>::Continue(())
        })?;
        anyhow::Ok(reconciliation)
    });
    let mut reconciliation = entering.await.context("reading the dead letters failed")??;
    let (mut late, mut of_late) = (None, Vec::new());
    loop {
        reconciliation = read(kafka, topic, &of_run, |_| true, reconciliation).await?;
        let mut documents = Vec::new();
        if late.is_none() {
            let (prefix, mut aside) = (reconciliation.prefix().to_owned(), LateStates::default());
            let prefix = (!strictness.is_own_store).then_some(prefix.as_str());
            let judge = |document: &RawDocument| {
                if !aside.keeps(document, &of_run) {
                    reconciliation.document(document);
                }
            };
            store.with_prefix(prefix, judge).await?;
            if !aside.is_empty() {
                of_late = since(&of_run, ends(kafka, topic).await?);
            }
            documents = aside.take();
            late = Some(Arc::new(aside));
        }
        if let Some(aside) = late.clone().filter(|_| !of_late.is_empty()) {
            reconciliation = read(kafka, topic, &of_late, move |record| aside.is_of(record), reconciliation).await?;
        }
        documents.iter().for_each(|document| reconciliation.document(document));
        let has_next = reconciliation.needs_another_pass(accepted);
        if !has_next.context("cannot read the accepted ids beside the report")? {
            return Ok(reconciliation.finish());
        }
    }
}

/// Enters these records of the topic, as far as they are wanted.
async fn read(
    kafka: &Arc<Reader>,
    topic: &str,
    offsets: &[(i32, Range<i64>)],
    is_wanted: impl Fn(&TopicRecord<'_>) -> bool + Send + 'static,
    mut into: StateReconciliation,
) -> anyhow::Result<StateReconciliation> {
    let (reader, topic, offsets) = (Arc::clone(kafka), topic.to_owned(), offsets.to_owned());
    let reading = spawn_blocking(move || {
        reader.read(&topic, &offsets, |record| {
            let record = as_read(record);
            if is_wanted(&record) {
                into.record(&record);
            }
            ControlFlow::<()>::Continue(())
        })?;
        anyhow::Ok(into)
    });
    reading.await.context("reading the topic failed")?
}

/// Without all records of the run there is nothing to say about it.
fn still_there(topic: &str, before: &[(i32, Range<i64>)], now: &[(i32, Range<i64>)]) -> anyhow::Result<()> {
    for (partition, Range { start, end }) in now {
        let began = before.iter().find(|(other, _)| other == partition).map_or(0, |(_, range)| range.end);
        ensure!(
            (*start..=*end).contains(&began),
            "records of the run are gone from topic {topic}: partition {partition} ended at offset {began} before the \
             run and has {start} to {end} now; its retention must be longer than a run takes"
        );
    }
    Ok(())
}

fn as_read(record: ReadRecord<'_>) -> TopicRecord<'_> {
    let place = contract::Place {
        partition: record.partition(),
        offset: record.offset(),
        timestamp_ms: record.timestamp_ms().unwrap_or_default(),
    };
    let origin = if record.replay_attempts() > 0 { record.origin() } else { None };
    TopicRecord { place, origin, key: record.key(), value: record.value() }
}

/// What came after these offsets; of a partition that was not there before, or that ended later before, everything: its
/// topic was recreated.
fn since(before: &[(i32, Range<i64>)], now: Vec<(i32, Range<i64>)>) -> Vec<(i32, Range<i64>)> {
    let end_before = |partition: i32| before.iter().find(|(other, _)| *other == partition).map(|(_, range)| range.end);
    let after = |(partition, Range { start, end })| {
        let before = end_before(partition).filter(|before| *before <= end);
        (partition, before.unwrap_or(start).max(start)..end)
    };
    now.into_iter().map(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_the_run_is_left_out() {
        let before = [(0, 0..7), (1, 3..3)];
        let now = vec![(0, 5..20), (1, 4..4), (2, 2..9)];
        assert_eq!(since(&before, now), [(0, 7..20), (1, 4..4), (2, 2..9)]);
        assert_eq!(since(&[], vec![(0, 0..3)]), [(0, 0..3)]);
        assert_eq!(since(&before, vec![(0, 0..3)]), [(0, 0..3)], "it was deleted, and created again");
    }

    #[test]
    fn records_of_the_run_that_are_gone_are_an_error() {
        let before = [(0, 0..7), (1, 3..3)];
        let error =
            |now: &[(i32, Range<i64>)]| still_there("orders", &before, now).err().map(|error| error.to_string());
        assert_eq!(error(&[(0, 7..7), (1, 0..9), (2, 0..4)]), None, "what is older may be gone");
        let gone = "records of the run are gone from topic orders: partition 0 ended at offset 7 before the run and \
                    has 8 to 9 now; its retention must be longer than a run takes";
        assert_eq!(error(&[(0, 8..9)]).as_deref(), Some(gone));
        assert!(error(&[(2, 1..4)]).is_some(), "of a new partition");
        assert!(error(&[(0, 0..5)]).is_some(), "of a topic that was deleted and created again");
    }
}
