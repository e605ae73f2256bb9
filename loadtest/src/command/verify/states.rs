//! `verify` for a kind whose last record of a key is its document.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use bson::DateTime;
use contract::Kind;
use contract::decode::Decoder;
use kafka::group::GroupConfig;
use kafka::topics::Reader;
use tokio::task::spawn_blocking;

use crate::base::exit::{self, Unusable};
use crate::command::options::VerifyOptions;
use crate::ledger::balance::letters::{FoundLetter, Letters};
use crate::ledger::balance::states::{KeyedComparison, StateBalance};
use crate::ledger::kept::Kept;
use crate::ledger::standing::Standing;
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::{self, letter_parts};
use crate::report::balance::states::VerifiedStates;

/// What is read of Kafka.
#[derive(Clone)]
struct Source {
    kind: Kind,
    topic: String,
    dead_letter_topic: String,
    kafka: Arc<Reader>,
}

/// Reads the committed offsets, the dead letters, the records and the documents, in this order, and compares them.
pub(super) async fn verify(
    options: &VerifyOptions,
    kafka: Arc<Reader>,
    store: &StoreReader,
    names: GroupConfig,
    retention: Option<Duration>,
) -> anyhow::Result<ExitCode> {
    let topic = match &options.topics[..] {
        [] => names.topic.clone(),
        [topic] => topic.clone(),
        _ => return Err(Unusable("keys have their order in one topic: give one --topic".to_owned()).into()),
    };
    let dead_letter_topic = if topic == names.topic { names.dead_letter_topic } else { format!("{topic}.dlq") };
    let source = Source { kind: options.kind, topic, dead_letter_topic, kafka };
    let (asked, group, named) = (source.clone(), names.group.clone(), options.name);
    let reading = spawn_blocking(move || read(&asked, &group, named));
    let (standing, mut comparison) = reading.await.context("reading the topic failed")??;
    store.documents(None, |document| comparison.document(document)).await?;
    comparison.kept(Kept::by(retention, DateTime::now().timestamp_millis()));
    let (asked, unfinished) = (source.clone(), standing.unfinished.clone());
    let concluding = spawn_blocking(move || {
        let mut decoder = Decoder::new(asked.kind, &asked.topic);
        if comparison.needs_unfinished() {
            asked.kafka.read(&asked.topic, &unfinished, |record| {
                comparison.unfinished(&decoder.decode(record.fetched()));
                ControlFlow::<()>::Continue(())
            })?;
        }
        let mut balance = comparison.conclude();
        explain(&asked, &mut balance)?;
        anyhow::Ok(balance)
    });
    let balance = concluding.await.context("reading the topic again failed")??;
    let (topic, group, erased) = (&source.topic, &names.group, options.erased);
    let verified = VerifiedStates { topic, group, standing: &standing, balance: &balance, erased };
    println!("{}", verified.render());
    Ok(if verified.passed() { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) })
}

fn read(source: &Source, group: &str, named: usize) -> anyhow::Result<(Standing, KeyedComparison)> {
    let Source { kind, topic, dead_letter_topic, kafka } = source;
    let progress = kafka.progress(topic)?;
    ensure!(!progress.is_empty(), "there is no topic {topic}: set that of the producer, or give --topic");
    let standing = Standing::of(group, topic, &progress);
    let mut letters = Letters::default();
    topic::scan(kafka, dead_letter_topic, |record| {
        if let Some((letter, left_out, time_ms)) = letter_parts(record).filter(|(letter, ..)| letter.topic == *topic) {
            let (key, value) = (record.key(), record.value());
            letters.add(0, FoundLetter { letter: &letter, left_out, time_ms, key, value });
        }
        ControlFlow::<()>::Continue(())
    })?;
    let mut comparison = KeyedComparison::new(letters.complete(), named);
    let mut decoder = Decoder::new(*kind, topic);
    kafka.read(topic, &standing.finished, |record| {
        comparison.record(&decoder.decode(record.fetched()));
        ControlFlow::<()>::Continue(())
    })?;
    Ok((standing, comparison))
}

/// Reads the records of changed documents once more, of which only sums were kept.
fn explain(source: &Source, balance: &mut StateBalance) -> anyhow::Result<()> {
    let mut decoder = Decoder::new(source.kind, &source.topic);
    for finding in &mut balance.findings {
        let (partition, offset) = (finding.place.partition, finding.place.offset);
        let offsets = [(partition, offset..offset + 1)];
        let found = source.kafka.read(&source.topic, &offsets, |record| ControlFlow::Break(record.fetched()))?;
        if let Some(fetched) = found {
            finding.explain(&decoder.decode(fetched));
        }
    }
    Ok(())
}
