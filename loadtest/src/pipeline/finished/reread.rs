//! Reads once more the few records that are named as changed, with their documents and dead letters, because until then
//! only sums of them were kept.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use anyhow::Context;
use bson::RawDocumentBuf;
use contract::dead_letter::LeftOut;
use contract::decode::{Decoded, Decoder};
use contract::{DeadLetter, PostId};
use kafka::topics::Reader;
use tokio::task::spawn_blocking;

use super::Scope;
use crate::ledger::balance::letters::FoundLetter;
use crate::ledger::balance::{Place, RecordFinding, RecordFindingKind, differences};
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::{self, letter_parts};

/// What differs, in lines, for each of the findings that is of a changed record.
pub(crate) async fn explain(
    kafka: &Arc<Reader>,
    store: &StoreReader,
    scope: &Arc<Scope>,
    findings: Vec<RecordFinding>,
) -> anyhow::Result<HashMap<Place, Vec<String>>> {
    let changed: Vec<RecordFinding> =
        findings.into_iter().filter(|finding| finding.kind != RecordFindingKind::Missing).collect();
    if changed.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<PostId> = changed.iter().map(|finding| finding.id).collect();
    let documents = store.find_all(&ids).await?;
    let (kafka, scope) = (Arc::clone(kafka), Arc::clone(scope));
    let explaining = spawn_blocking(move || {
        let letters = letters_of(&kafka, &scope, &changed)?;
        let mut lines = HashMap::new();
        for finding in changed {
            let place = finding.place;
            let explained = match record_at(&kafka, &scope, place)? {
                Some(record) if finding.kind == RecordFindingKind::ChangedLetter => {
                    about_letters(&record, letters.iter().filter(|(at, _)| *at == place).map(|(_, letter)| letter))
                }
                Some(record) => about_document(&record, documents.get(&finding.id)),
                None => vec!["the topic no longer has the record".to_owned()],
            };
            lines.insert(place, explained);
        }
        Ok(lines)
    });
    explaining.await.context("reading the changed records again failed")?
}

/// A dead letter with all its bytes.
struct WholeLetter {
    letter: DeadLetter,
    left_out: LeftOut,
    time_ms: Option<i64>,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

fn record_at(kafka: &Reader, scope: &Scope, place: Place) -> anyhow::Result<Option<Decoded>> {
    let Place { topic, partition, offset } = place;
    let topic = &scope.topics[usize::from(topic)];
    let found = kafka.read(topic, &[(partition, offset..offset + 1)], |record| ControlFlow::Break(record.fetched()))?;
    Ok(found.map(|fetched| Decoder::new(scope.kind, topic).decode(fetched)))
}

/// The letters at the places of records whose letters are changed.
fn letters_of(kafka: &Reader, scope: &Scope, changed: &[RecordFinding]) -> anyhow::Result<Vec<(Place, WholeLetter)>> {
    let mut letters = Vec::new();
    let is_asked = |place: Place| {
        changed.iter().any(|finding| finding.kind == RecordFindingKind::ChangedLetter && finding.place == place)
    };
    if !changed.iter().any(|finding| is_asked(finding.place)) {
        return Ok(letters);
    }
    for topic in &scope.dead_letter_topics {
        topic::scan(kafka, topic, |record| {
            let Some((letter, left_out, time_ms)) = letter_parts(record) else { return ControlFlow::Continue(()) };
            let index = scope.index_of(&letter.topic);
            let place = index.map(|topic| Place { topic, partition: letter.partition, offset: letter.offset });
            if let Some(place) = place.filter(|place| is_asked(*place)) {
                let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
                let (key, value) = (own(record.key()), own(record.value()));
                letters.push((place, WholeLetter { letter, left_out, time_ms, key, value }));
            }
            ControlFlow::<()>::Continue(())
        })?;
    }
    Ok(letters)
}

fn about_document(record: &Decoded, stored: Option<&RawDocumentBuf>) -> Vec<String> {
    let Some(stored) = stored else { return vec!["by now there is no document with its id".to_owned()] };
    match &record.outcome {
        Ok(sent) => {
            let lines = differences::of_documents(sent, stored);
            if lines.is_empty() { vec!["by now it is stored as it was sent".to_owned()] } else { lines }
        }
        Err(error) => {
            let why = vec![format!("it cannot become a document: {}", error.log_line())];
            [why, differences::of_unwanted(stored)].concat()
        }
    }
}

fn about_letters<'a>(record: &Decoded, letters: impl Iterator<Item = &'a WholeLetter>) -> Vec<String> {
    let mut lines = Vec::new();
    for WholeLetter { letter, left_out, time_ms, key, value } in letters {
        let (left_out, time_ms, key, value) = (*left_out, *time_ms, key.as_deref(), value.as_deref());
        let found = FoundLetter { letter, left_out, time_ms, key, value };
        if found.is_of(record) {
            lines.extend(found.differences(record).into_iter().map(|line| format!("dead letter, {line}")));
        }
    }
    lines
}
