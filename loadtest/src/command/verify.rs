//! `loadtest verify`: proves anybody's traffic on a live system: every record that the consumer group has finished
//! is stored, or is a dead letter. It takes about 100 bytes of memory a record.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use kafka::topics::Reader;
use service::status::figures::grouped;
use tokio::task::spawn_blocking;

use crate::base::exit;
use crate::command::options::VerifyOptions;
use crate::ledger::balance::{Balance, Finished, Found, balance};
use crate::pipeline::settings::{Lookup, PipelineSettings, with_option};
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::{self, dead_letter_of, id_of};

/// Reads topic, store and dead letters, in this order: a record's document or dead letter exists before its offset is
/// committed.
pub(crate) async fn verify(options: VerifyOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let lookup = with_option(lookup, "KAFKA_BROKER", &options.kafka_broker);
    let lookup = with_option(&lookup, "MONGO_URI", &options.mongo_uri);
    let names = PipelineSettings::read(&lookup)?.consumer_config.kafka;
    let kafka = Arc::new(topic::reader(&names.brokers, &names.group)?);
    let store = StoreReader::given(&lookup).await?;

    let (reader, topic) = (Arc::clone(&kafka), names.topic.clone());
    let records = spawn_blocking(move || finished(&reader, &topic)).await.context("reading the topic failed")??;
    let mut found = Found::default();
    store.ids(|id| found.documents.extend(id)).await?;
    let (reader, topic, letters) = (Arc::clone(&kafka), names.topic.clone(), names.dead_letter_topic.clone());
    let origins = spawn_blocking(move || dead_letter_origins(&reader, &letters, &topic)).await;
    found.dead_letters = origins.context("reading the dead letters failed")??.into_iter().collect();

    let balance = balance(records, &found);
    println!("{}", render(&balance, &names.topic, &names.group, options.name));
    Ok(if balance.missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) })
}

/// The records up to the group's committed offsets, of those that the topic still has.
fn finished(kafka: &Reader, topic: &str) -> anyhow::Result<Vec<Finished>> {
    let progress = kafka.progress(topic)?;
    anyhow::ensure!(!progress.is_empty(), "there is no topic {topic}: set KAFKA_TOPIC to that of the producer");
    let committed = progress.iter().filter(|progress| progress.next() > progress.low);
    let offsets: Vec<_> = committed.map(|progress| (progress.partition, progress.low..progress.next())).collect();
    let mut records = Vec::new();
    kafka.read(topic, &offsets, |record| {
        records.push(Finished { partition: record.partition(), offset: record.offset(), id: id_of(topic, record) });
        ControlFlow::<()>::Continue(())
    })?;
    Ok(records)
}

/// Partition and offset of every record of `topic` that is a dead letter.
fn dead_letter_origins(kafka: &Reader, dead_letters: &str, topic: &str) -> anyhow::Result<Vec<(i32, i64)>> {
    let mut origins = Vec::new();
    topic::scan(kafka, dead_letters, |record| {
        let letter = dead_letter_of(record).filter(|letter| letter.topic == topic);
        origins.extend(letter.map(|letter| (letter.partition, letter.offset)));
        ControlFlow::<()>::Continue(())
    })?;
    Ok(origins)
}

fn render(balance: &Balance, topic: &str, group: &str, named: usize) -> String {
    let Balance { records, repeated, stored, dead_lettered, both, missing } = balance;
    let mut text = format!("records of topic {topic} that group {group} has finished:\n\n");
    for (name, count, remark) in [
        ("records", *records, ""),
        ("stored", *stored, ""),
        ("dead-lettered", *dead_lettered, ""),
        ("both", *both, "   dead-lettered, then sent again"),
        ("repeated", *repeated, "   the id of an earlier record: one document for both"),
        ("missing", missing.len() as u64, ""),
    ] {
        text.push_str(&format!("  {name:<14}{:>12}{remark}\n", grouped(count)));
    }
    for Finished { partition, offset, id } in missing.iter().take(named) {
        text.push_str(&format!("  MISSING  partition {partition}, offset {offset}, id {id}\n"));
    }
    text.push_str(if missing.is_empty() { "\n  ok      missing==0" } else { "\n  FAILED  missing==0" });
    text
}

#[cfg(test)]
mod tests {
    use contract::PostId;

    use super::*;

    #[test]
    fn the_first_missing_records_are_named() {
        let record = |offset| Finished { partition: 0, offset, id: PostId::fresh() };
        let missing: Vec<Finished> = (0..5).map(record).collect();
        let text = render(&Balance { records: 1_005, missing, ..Balance::default() }, "post", "post-consumer", 2);
        assert_eq!(text.matches("MISSING").count(), 2, "{text}");
        assert!(text.contains("missing                  5") && text.ends_with("FAILED  missing==0"), "{text}");
        assert!(render(&Balance::default(), "post", "post-consumer", 2).ends_with("ok      missing==0"));
    }
}
