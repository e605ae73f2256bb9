//! `loadtest verify`: proves anybody's traffic on a live system: every record that the consumer group has finished is
//! stored as it was sent, or is a dead letter.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use bson::DateTime;
use contract::{Kind, Write};
use tokio::task::spawn_blocking;

use crate::base::exit;
use crate::command::options::VerifyOptions;
use crate::ledger::kept::Kept;
use crate::pipeline::finished::reread::explain;
use crate::pipeline::finished::{ReadTopics, Scope, read, read_unfinished};
use crate::pipeline::settings::{Lookup, PipelineSettings, of_kind, with_option};
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic;
use crate::report::balance::VerifiedTopic;

mod states;

/// Reads the committed offsets, the dead letters, the records and the documents, in this order, and compares them.
pub(crate) async fn verify(options: VerifyOptions, lookup: Lookup<'_>) -> anyhow::Result<ExitCode> {
    let lookup = with_option(lookup, "KAFKA_BROKER", &options.kafka_broker);
    let lookup = with_option(&lookup, "MONGO_URI", &options.mongo_uri);
    let group = of_kind(options.kind, "KAFKA_GROUP");
    let lookup = with_option(&lookup, group, &options.group);
    let retention = if options.kind == Kind::Post { "POST_RETENTION" } else { of_kind(options.kind, "RETENTION") };
    let lookup = with_option(&lookup, retention, &options.retention);
    let settings = PipelineSettings::of(options.kind, &lookup)?;
    let (retention, names) = (settings.consumer_config.retention(options.kind), settings.group().clone());
    let kafka = Arc::new(topic::reader(&names.cluster, &names.group)?);
    let store = StoreReader::given(options.kind, &lookup).await?;
    if options.kind.write() == Write::Upsert {
        return states::verify(&options, kafka, &store, names, retention).await;
    }
    let scope = Arc::new(scope(options.kind, options.topics, names.group, names.topic, names.dead_letter_topic));

    let (reader, asked) = (Arc::clone(&kafka), Arc::clone(&scope));
    let ReadTopics { standings, records, unreadable_letters } =
        spawn_blocking(move || read(&reader, &asked)).await.context("reading the topics failed")??;
    let mut comparison = records.complete();
    store.documents(None, |document| comparison.document(document)).await?;
    comparison.kept(Kept::by(retention, DateTime::now().timestamp_millis()));
    let (reader, asked) = (Arc::clone(&kafka), Arc::clone(&scope));
    let later = spawn_blocking(move || {
        read_unfinished(&reader, &asked, &standings, &mut comparison)?;
        anyhow::Ok((standings, comparison))
    });
    let (standings, comparison) = later.await.context("reading the topics failed")??;
    let balances = comparison.conclude(scope.topics.len(), options.name);
    let findings = balances.iter().flat_map(|balance| balance.findings.iter().copied()).collect();
    let details = explain(&kafka, &store, &scope, findings).await?;

    let mut passed = true;
    for ((topic, standing), balance) in scope.topics.iter().zip(&standings).zip(&balances) {
        let verified =
            VerifiedTopic { topic, group: &scope.group, standing, balance, erased: options.erased, details: &details };
        println!("{}", verified.render());
        passed &= verified.passed();
    }
    if unreadable_letters > 0 {
        let topics = scope.dead_letter_topics.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        println!(
            "  {unreadable_letters} records of {topics} lack the headers of a dead letter and were not compared\n"
        );
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(exit::THRESHOLD_FAILED) })
}

/// The topics asked for, each once, or that of the settings. Each may have its dead letters in a topic named after it,
/// or where the settings say, because the consumer does not name that topic after its own.
fn scope(kind: Kind, asked: Vec<String>, group: String, topic: String, dead_letter_topic: String) -> Scope {
    let mut topics: Vec<String> = Vec::new();
    for asked in if asked.is_empty() { vec![topic.clone()] } else { asked } {
        if !topics.contains(&asked) {
            topics.push(asked);
        }
    }
    let others = topics.iter().filter(|other| **other != topic).map(|other| format!("{other}.dlq"));
    let dead_letter_topics: BTreeSet<String> = others.chain([dead_letter_topic]).collect();
    Scope { kind, group, topics, dead_letter_topics }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_has_its_dead_letters() {
        let scope = |asked: &[&str]| {
            let asked = asked.iter().map(|topic| (*topic).to_owned()).collect();
            let Scope { topics, dead_letter_topics, .. } =
                scope(Kind::Post, asked, "store".to_owned(), "post".to_owned(), "dead".to_owned());
            (topics, dead_letter_topics.into_iter().collect::<Vec<_>>())
        };
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(scope(&[]), (own(&["post"]), own(&["dead"])));
        assert_eq!(scope(&["b", "post", "b"]), (own(&["b", "post"]), own(&["b.dlq", "dead"])));
        assert_eq!(scope(&["b"]), (own(&["b"]), own(&["b.dlq", "dead"])));
    }
}
