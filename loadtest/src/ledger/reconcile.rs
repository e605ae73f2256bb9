//! Lays what is stored and what is dead-lettered beside what the client was told: one pass over the collection, one over
//! the topic of dead letters, and a closer look only where the ledger does not balance.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use rdkafka::Message;
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::ledger::accepted_ids::FinishedLog;
use crate::ledger::books::examination::{Examination, Finding};
use crate::ledger::books::{Counts, Ledger};
use crate::ledger::post::RunId;
use crate::pipeline::kafka::KafkaReader;
use crate::pipeline::store::Store;

/// The balance of a run.
pub(crate) struct Reconciled {
    /// The ledger in numbers.
    pub(crate) counts: Counts,
    /// The first posts at fault, by name.
    pub(crate) findings: Vec<Finding>,
    /// Whether every document's id was compared with the one that the client was told.
    pub(crate) ids_compared: bool,
}

/// Balances a run. A pipeline that is not ours (`may_lack_ids`) need not know our ids: where its answers or its documents
/// have none at all, the posts' numbers decide alone.
pub(crate) async fn reconcile(
    mut ledger: Ledger,
    accepted: &FinishedLog,
    run: RunId,
    store: &Store,
    dead_letters: Option<(&Arc<KafkaReader>, &str)>,
    may_lack_ids: bool,
) -> anyhow::Result<Reconciled> {
    store.documents(run, |n, id| ledger.stored(n, id)).await?;
    if let Some((kafka, topic)) = dead_letters {
        for n in dead_lettered(kafka, topic, run).await? {
            ledger.dead_lettered(n);
        }
    }
    let ids_compared = !may_lack_ids || ledger.has_ids();
    if !ids_compared {
        ledger.ignore_ids();
    }
    if ledger.balances() {
        return Ok(Reconciled { counts: ledger.counts(0), findings: Vec::new(), ids_compared });
    }
    let unreadable = "cannot read the accepted ids beside the report";
    let mut examination = Examination::begin(ledger, accepted.entries().context(unreadable)?).context(unreadable)?;
    while examination.next_round() {
        for entry in accepted.entries().context(unreadable)? {
            let (n, id) = entry.context(unreadable)?;
            examination.recall(n, id);
        }
        store.documents(run, |n, id| examination.document(n, id)).await?;
    }
    let (counts, findings) = examination.finish();
    Ok(Reconciled { counts, findings, ids_compared })
}

/// The numbers of the run's posts that are dead letters. A dead letter may be written twice; the ledger counts posts, so
/// it does not care.
async fn dead_lettered(kafka: &Arc<KafkaReader>, topic: &str, run: RunId) -> anyhow::Result<Vec<u64>> {
    let (kafka, topic) = (Arc::clone(kafka), topic.to_owned());
    let scan = move || {
        let mut numbers = Vec::new();
        kafka.scan(&topic, |record| {
            numbers.extend(record.payload().and_then(|value| number_in(run, value)));
            ControlFlow::Continue(())
        })?;
        Ok(numbers)
    };
    spawn_blocking(scan).await.context("reading the dead letters failed")?
}

/// The number of the post in a record's value, if it is one of the run.
fn number_in(run: RunId, value: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Titled<'a> {
        #[serde(borrow)]
        title: Cow<'a, str>,
    }
    let titled: Titled<'_> = serde_json::from_slice(value).ok()?;
    run.number_in(&titled.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_post_of_the_run_has_a_number() {
        let run = RunId::fresh();
        let value = format!(r#"{{"content":"","title":"{}17"}}"#, run.title_prefix());
        assert_eq!(number_in(run, value.as_bytes()), Some(17));
        for other in [&br#"{"title":"Hello"}"#[..], br#"{"title":7}"#, b"", b"\xff", b"{}", b"[]"] {
            assert_eq!(number_in(run, other), None);
        }
    }
}
