//! `consumer kinds try FILE`: what a kind's new file would say about what is there already. It reads, and changes
//! nothing.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use bson::{Document, RawBsonRef, RawDocumentBuf, doc};
use contract::decode::Decoder;
use contract::{Kind, SchemaKind};
use kafka::group::GroupConfig;
use kafka::topics::{Reader, ReaderConfig};
use mongodb::Client;
use mongodb::options::ClientOptions;
use service::{Kinds, Settings, exit, kinds};
use tokio::runtime::Builder;

use super::newest::newest;
use crate::config::{ConsumerConfig, MongoUri};
use crate::printable::printable;

/// The most failures that are shown of the records, and of the documents.
const SHOWN: u64 = 10;

/// Longest wait for a server that answers.
const PATIENCE: Duration = Duration::from_secs(15);

/// What was judged so far.
#[derive(Default)]
struct Tally {
    judged: u64,
    failed: u64,
}

/// Judges the newest records of the topic of this file's kind, and documents of its collection.
pub(super) fn main(file: &Path, last: u64) -> ExitCode {
    match execute(file, last, &mut io::stdout().lock()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("consumer: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn execute(file: &Path, last: u64, output: &mut impl Write) -> anyhow::Result<ExitCode> {
    let file = kinds::file(file)?;
    let kind: &'static SchemaKind = match SchemaKind::read(&file.bytes) {
        Ok(kind) => Box::leak(Box::new(kind)),
        Err(errors) => {
            let lines = errors.iter().map(|error| format!("{}: {error}", file.name));
            return Ok(exit::unusable("consumer", lines));
        }
    };
    let lookup = |name: &str| std::env::var(name).ok();
    let mut settings = Settings::new(&lookup);
    let kind_alone = Kinds { all: vec![Kind::Schema(kind)], served: vec![Kind::Schema(kind)] };
    let config = ConsumerConfig::with_kinds(&mut settings, |_| kind_alone);
    let (_, errors) = settings.finish();
    if !errors.is_empty() {
        return Ok(exit::unusable("consumer", errors));
    }
    let records = records(kind, config.group(Kind::Schema(kind)), last, output)?;
    let documents = documents(kind, &config.mongo_uri, last, output)?;
    Ok(if records.failed + documents.failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

fn records(
    kind: &'static SchemaKind,
    group: &GroupConfig,
    last: u64,
    output: &mut impl Write,
) -> anyhow::Result<Tally> {
    let reader = Reader::new(ReaderConfig {
        cluster: group.cluster.clone(),
        client_id: "consumer",
        group: group.group.clone(),
        patience: PATIENCE,
        picks_records: false,
    })?;
    let (mut tally, mut decoder) = (Tally::default(), Decoder::new(Kind::Schema(kind), &group.topic));
    let offsets = newest(&reader.all_offsets(&group.topic)?, last);
    let failed = reader.read(&group.topic, &offsets, |record| {
        let place = format!("{}/{}", record.partition(), record.offset());
        let outcome = decoder.decode(record.fetched()).outcome;
        match tally.add(&place, outcome.err().map(|error| error.message), output) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    })?;
    failed.map_or(Ok(()), Err)?;
    tally.finish(&format!("records of the topic {}", group.topic), output)?;
    Ok(tally)
}

fn documents(kind: &SchemaKind, uri: &MongoUri, last: u64, output: &mut impl Write) -> anyhow::Result<Tally> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    runtime.block_on(async {
        let mut options = ClientOptions::parse(&uri.read()?).await.context("MONGO_URI cannot be used")?;
        options.server_selection_timeout.get_or_insert(PATIENCE);
        let client = Client::with_options(options).context("MONGO_URI cannot be used")?;
        let collection = client.database(&uri.database).collection::<RawDocumentBuf>(kind.collection());
        let limit = i64::try_from(last).unwrap_or(i64::MAX);
        // The ids of most inserted documents grow with time.
        let found = collection.find(not_erased()).sort(doc! { "_id": -1 }).limit(limit).await;
        let mut found = found.context("cannot read from MongoDB, see MONGO_URI")?;
        let mut tally = Tally::default();
        while found.advance().await.context("cannot read from MongoDB, see MONGO_URI")? {
            let document = found.current();
            let place = document.get("_id").ok().flatten().map_or_else(|| "a document".to_owned(), shown);
            let outcome = kind.judge_document(document);
            tally.add(&place, outcome.err().map(|errors| errors.to_string()), output)?;
        }
        tally.finish(&format!("documents of the collection {}", kind.collection()), output)?;
        Ok(tally)
    })
}

/// All documents but tombstones.
fn not_erased() -> Document {
    doc! { contract::tombstone::ERASED_AT: { "$exists": false } }
}

/// An id as people write it.
fn shown(id: RawBsonRef<'_>) -> String {
    match id {
        RawBsonRef::String(text) => printable(text.as_bytes()),
        other => contract::document::decode_id(other).map_or_else(|| format!("{other:?}"), |id| id.to_string()),
    }
}

impl Tally {
    fn add(&mut self, place: &str, error: Option<String>, output: &mut impl Write) -> anyhow::Result<()> {
        self.judged += 1;
        if let Some(error) = error {
            self.failed += 1;
            if self.failed <= SHOWN {
                writeln!(output, "{place}: {}", printable(error.as_bytes()))?;
            }
        }
        Ok(())
    }

    fn finish(&self, what: &str, output: &mut impl Write) -> anyhow::Result<()> {
        let Self { judged, failed } = self;
        if *failed > SHOWN {
            writeln!(output, "and {} more", failed - SHOWN)?;
        }
        writeln!(output, "{judged} {what}: {} pass, {failed} fail", judged - failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use contract::{PostId, document};

    use super::*;

    #[test]
    fn an_id_is_one_line_that_steers_no_terminal() {
        assert_eq!(shown(RawBsonRef::String("D\u{1b}[2J\n17 ü")), "D\\u{1b}[2J\\n17 ü");
        let id = PostId::fresh();
        let binary = document::encode_id(id);
        let raw = bson::RawBinaryRef { subtype: binary.subtype, bytes: &binary.bytes };
        assert_eq!(shown(RawBsonRef::Binary(raw)), id.to_string());
    }
}
