//! Reads the store and the dead letters of a run for its [reconciliation](crate::ledger::reconcile): one pass over
//! both, and more passes only where the ledger does not balance.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use bson::RawDocument;
use kafka::topics::Reader;
use service::status::figures::grouped;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::news::{self, News};
use super::store::StoreReader;
use super::topic::{self, dead_letter_of};
use crate::ledger::accepted_ids::FinishedLog;
use crate::ledger::books::Ledger;
use crate::ledger::expected::ExpectedPosts;
use crate::ledger::plan::RunPlan;
use crate::ledger::reconcile::{LetterRecord, Reconciled, Reconciliation, Strictness};

/// Dead letters between the thread that reads them and the ledger.
const LETTERS_AHEAD: usize = 1_000;

/// How often a pass over the documents reports its progress.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// What was sent in a run, and where it is looked for.
pub(crate) struct Places<'a> {
    pub(crate) plan: RunPlan,
    pub(crate) store: &'a StoreReader,
    /// Kafka and the topic of the dead letters, if they can be reached.
    pub(crate) dead_letters: Option<(&'a Arc<Reader>, &'a str)>,
}

/// Balances a run.
pub(crate) async fn reconcile(
    ledger: Ledger,
    accepted: &FinishedLog,
    places: Places<'_>,
    strictness: Strictness,
) -> anyhow::Result<Reconciled> {
    let Places { plan, store, dead_letters } = places;
    let expected = ExpectedPosts::new(plan, store.layout().clone());
    let mut reconciliation = Reconciliation::begin(ledger, expected, strictness);
    let of_run = (!strictness.is_own_store).then_some(plan.run);
    loop {
        let (mut read, mut last_said) = (0, Instant::now());
        let visit = |document: &RawDocument| {
            reconciliation.document(document);
            read += 1;
            if last_said.elapsed() > TELL_EVERY {
                last_said = Instant::now();
                let changed = reconciliation.changed().map(|changed| format!(", {} changed", grouped(changed)));
                let changed = changed.unwrap_or_default();
                news::tell(News::Status(format!("read {} documents{changed}", grouped(read))));
            }
        };
        store.documents(of_run, visit).await?;
        if let Some((kafka, topic)) = dead_letters {
            enter_letters(kafka, topic, &mut reconciliation).await?;
        }
        let has_next = reconciliation.needs_another_pass(accepted);
        if !has_next.context("cannot read the accepted ids beside the report")? {
            return Ok(reconciliation.finish());
        }
    }
}

async fn enter_letters(kafka: &Arc<Reader>, topic: &str, into: &mut Reconciliation) -> anyhow::Result<()> {
    let (kafka, topic) = (Arc::clone(kafka), topic.to_owned());
    let (found, mut letters) = mpsc::channel(LETTERS_AHEAD);
    let scan = spawn_blocking(move || {
        topic::scan(&kafka, &topic, |record| {
            let letter = (record.key().map(<[u8]>::to_vec), record.value().map(<[u8]>::to_vec), dead_letter_of(record));
            if found.blocking_send(letter).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
    });
    while let Some((key, value, headers)) = letters.recv().await {
        into.dead_letter(LetterRecord { key: key.as_deref(), value: value.as_deref(), headers: headers.as_ref() });
    }
    scan.await.context("reading the dead letters failed")?.map(drop)
}
