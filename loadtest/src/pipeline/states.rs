//! Reads the dead letters, the topic and the store of a run for its [ledger of states](crate::ledger::states): one pass
//! over all of them, and more passes over the topic only where its account does not balance.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use anyhow::Context;
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
    let of_run = since(&start.records, ends(kafka, topic).await?);
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
    let mut is_first = true;
    loop {
        let (reader, topic, offsets) = (Arc::clone(kafka), topic.to_owned(), of_run.clone());
        let reading = spawn_blocking(move || {
            reader.read(&topic, &offsets, |record| {
                reconciliation.record(&as_read(record));
                ControlFlow::<()>::Continue(())
            })?;
            anyhow::Ok(reconciliation)
        });
        reconciliation = reading.await.context("reading the topic failed")??;
        if std::mem::take(&mut is_first) {
            let prefix = reconciliation.prefix().to_owned();
            let prefix = (!strictness.is_own_store).then_some(prefix.as_str());
            store.with_prefix(prefix, |document| reconciliation.document(document)).await?;
        }
        let has_next = reconciliation.needs_another_pass(accepted);
        if !has_next.context("cannot read the accepted ids beside the report")? {
            return Ok(reconciliation.finish());
        }
    }
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
}
