//! `consumer erase`: erases records from the store and the dead letters. A tombstone takes the place of a document, and
//! keeps its record out however often it is read again. [`mod@kept`] says until when, [`mod@subjects`] which records.
//!
//! The tombstone comes first. From then on nothing can store the record, so a dead letter that is sent back meanwhile
//! brings nothing back either.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use bson::DateTime;
use clap::Parser;
use contract::{Kind, Place, RecordId, Tombstone, Write};
use kafka::group::GroupConfig;
use kafka::publish::partition_of;
use kafka::topics::{Admin, Reader};
use service::exit;
use tokio::runtime::{Builder, Runtime};

use crate::beginning::{self, reader_config};
use crate::config::ConsumerConfig;
use crate::printable::printable;
use crate::store::Store;
use crate::store::control::Control;
use crate::store::erase::Found;
use crate::store::written::NotWritten;

mod kept;
mod letters;
mod subjects;

use kept::{Asked, Kept, kept};
use letters::Letters;
use subjects::subjects;

/// The argument that selects this command.
pub(crate) const NAME: &str = "erase";

/// Longest wait for an answer of Kafka.
const PATIENCE: Duration = Duration::from_secs(15);

/// Others may write the same key meanwhile; more often than this in a row they hardly do.
const TRIES: usize = 5;

const EXPLANATION: &str = "\
What was erased stays erased: reading the topic again, a replay and a frozen consumer bring nothing back. A record that
is sent to the same key afterwards is stored as usual. Run it again after it was interrupted. docs/erasure.md has the
rest.

Environment: as for the service; above all KAFKA_BROKER, MONGO_URI, KINDS_DIR, and the topics of the kind.
Exit codes: 0 done, 64 arguments or settings that cannot be used, 1 not everything done.";

/// Erases records from the store and the dead letters, so that nothing brings them back.
#[derive(Debug, Parser)]
#[command(name = "consumer erase", bin_name = "consumer erase", after_help = EXPLANATION)]
struct CommandLine {
    /// The kind of the records: post, order or one of KINDS_DIR
    #[arg(long, value_name = "KIND", default_value = Kind::Post.name())]
    kind: String,
    /// Their ids, of a kind whose records are documents of their own
    #[arg(long = "id", value_name = "UUID", num_args = 1..)]
    ids: Vec<String>,
    /// Their keys, of a kind with one document for each key
    #[arg(long = "key", value_name = "KEY", num_args = 1.., allow_hyphen_values = true)]
    keys: Vec<String>,
    /// A file with ids or keys, one a line
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only say what is there, and what would be done
    #[arg(long)]
    dry_run: bool,
    /// Go ahead although another erasure of these dead letters has not ended: it was killed
    #[arg(long)]
    take_over: bool,
}

/// What the program does with the arguments after `erase`.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let begun = beginning::parse(NAME, arguments).and_then(|command_line: CommandLine| {
        let config = beginning::config(Some(&command_line.kind))?;
        Ok((command_line, config))
    });
    let (command_line, config) = match begun {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    // The one that is named.
    let kind = config.kinds[0];
    let lines = match command_line.file.as_ref().map(std::fs::read_to_string).transpose() {
        Ok(lines) => lines,
        Err(error) => return exit::unusable("consumer", [format!("--file: {error}")]),
    };
    let subjects = match subjects(kind, &command_line.ids, &command_line.keys, lines.as_deref()) {
        Ok(subjects) => subjects,
        Err(errors) => return exit::unusable("consumer", errors),
    };
    let erased = Erasure::begin(kind, &config)
        .and_then(|erasure| erasure.carry_out(&subjects, &command_line, &mut io::stdout().lock()));
    match erased {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("consumer: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

/// Erases records of one kind.
struct Erasure<'a> {
    kind: Kind,
    group: &'a GroupConfig,
    store: Store,
    reader: Reader,
    admin: Admin,
    runtime: Runtime,
}

impl<'a> Erasure<'a> {
    fn begin(kind: Kind, config: &'a ConsumerConfig) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context("cannot start a runtime")?;
        let store = runtime.block_on(Store::open(&config.mongo_uri, kind.collection()));
        let store = store.context("cannot use MongoDB, see MONGO_URI")?;
        let group = config.group(kind);
        let admin = Admin::new(&group.cluster, "consumer", PATIENCE)?;
        Ok(Self { kind, group, store, reader: Reader::new(reader_config(group, PATIENCE))?, admin, runtime })
    }

    fn carry_out(
        &self,
        subjects: &[RecordId],
        command_line: &CommandLine,
        output: &mut impl io::Write,
    ) -> anyhow::Result<()> {
        let is_dry_run = command_line.dry_run;
        let kept = self.kept()?;
        let tombstone = self.tombstone(&kept)?;
        for id in subjects {
            let found = if is_dry_run { self.found(id) } else { self.erase(id, tombstone) };
            let shown = printable(id.to_string().as_bytes());
            let found = found.with_context(|| format!("{shown}: not erased"))?;
            writeln!(output, "{shown}: {}", said(found, is_dry_run))?;
        }
        if is_dry_run {
            return self.erase_letters(subjects, true, output);
        }
        writeln!(output, "{}", self.time_out(tombstone, &kept))?;
        self.begin_with_letters(command_line.take_over)?;
        let erased = self.erase_letters(subjects, false, output);
        let ended = self.runtime.block_on(Control::of(&self.store).end_erasing(&self.group.dead_letter_topic));
        erased.and(ended.map_err(anyhow::Error::msg))
    }

    /// Keeps other erasures away from the dead letters: each sends letters once more, and might bring back what the
    /// other has just removed.
    fn begin_with_letters(&self, takes_over: bool) -> anyhow::Result<()> {
        let topic = &self.group.dead_letter_topic;
        let begun = self.runtime.block_on(Control::of(&self.store).begin_erasing(topic));
        match begun.map_err(anyhow::Error::msg)? {
            Some(since) if !takes_over => bail!(
                "the records are erased from the store, and the dead letters of the topic {topic} are not: another \
                 erasure has been at work there since {since}; run this again once it has ended, or with --take-over \
                 if it was killed"
            ),
            _ => Ok(()),
        }
    }

    fn erase_letters(
        &self,
        subjects: &[RecordId],
        is_dry_run: bool,
        output: &mut impl io::Write,
    ) -> anyhow::Result<()> {
        let Self { group, reader, admin, runtime, .. } = self;
        let (letters, subjects) = (Letters { group, reader, admin, runtime }, subjects.iter().cloned().collect());
        let counts = if is_dry_run { letters.find(&subjects)?.counts } else { letters.remove(&subjects)? };
        let what = if is_dry_run { "dead letters that would be removed" } else { "dead letters removed" };
        for (id, count) in &counts {
            writeln!(output, "{}: {what}: {count}", printable(id.to_string().as_bytes()))?;
        }
        if counts.is_empty() {
            writeln!(output, "the topic {} has no dead letters of them", group.dead_letter_topic)?;
        }
        Ok(())
    }

    fn found(&self, id: &RecordId) -> anyhow::Result<Found> {
        self.runtime.block_on(self.store.found(id, self.kind.write())).map_err(anyhow::Error::msg)
    }

    /// Puts a tombstone where the record is, or would be. Returns what was there.
    fn erase(&self, id: &RecordId, tombstone: Tombstone) -> anyhow::Result<Found> {
        let before = self.found(id)?;
        let mut why = "a newer record of its key was stored meanwhile, erase it again".to_owned();
        for _ in 0..TRIES {
            match self.put(id, tombstone)? {
                Err(NotWritten::Refused(error)) => bail!("the store refuses the tombstone: {}", error.message),
                Err(NotWritten::NotNow(reason)) => why = reason,
                // What is there may be a record that is newer than the tombstone.
                Ok(()) | Err(NotWritten::Already | NotWritten::SetBack | NotWritten::Erased) => {
                    if self.found(id)? == Found::Tombstone {
                        return Ok(before);
                    }
                }
            }
        }
        bail!("{why}")
    }

    fn put(&self, id: &RecordId, tombstone: Tombstone) -> anyhow::Result<Result<(), NotWritten>> {
        Ok(match (self.kind.write(), id.post_id()) {
            (Write::Insert, Some(id)) => self.runtime.block_on(self.store.erase_id(id, tombstone)),
            _ => {
                let key = id.to_string();
                let end = self.end(&key, tombstone.erased_at_ms)?;
                self.runtime.block_on(self.store.erase_key(&key, end, tombstone))
            }
        })
    }

    /// The place of the next record that may be of this key: the end of its partition. Where the key was in another one
    /// before, the time decides.
    fn end(&self, key: &str, timestamp_ms: i64) -> anyhow::Result<Place> {
        let topic = &self.group.topic;
        let partitions = self.reader.partitions(topic)?.len();
        if partitions == 0 {
            bail!("the topic {topic} does not exist: another one should be named, see `consumer kinds`");
        }
        let partition = i32::try_from(partition_of(key.as_bytes(), partitions))?;
        let offsets = self.reader.offsets(topic, partition)?;
        let offsets = offsets.with_context(|| format!("partition {partition} of {topic} has no leader"))?;
        Ok(Place { partition, offset: offsets.end, timestamp_ms })
    }

    fn kept(&self) -> anyhow::Result<Kept> {
        let ask = |name| {
            let setting = self.runtime.block_on(self.admin.setting(&self.group.topic, name));
            let setting =
                setting.with_context(|| format!("cannot ask for {name} of the topic {}", self.group.topic))?;
            anyhow::Ok(setting.map_err(|code| code.to_string()))
        };
        Ok(kept(&Asked {
            cleanup_policy: ask("cleanup.policy")?,
            retention_ms: ask("retention.ms")?,
            segment_ms: ask("segment.ms")?,
        }))
    }

    fn tombstone(&self, kept: &Kept) -> anyhow::Result<Tombstone> {
        let now_ms = self.runtime.block_on(self.store.time()).map_err(|uncertain| anyhow::anyhow!("{uncertain}"))?;
        let kept_until_ms = match kept {
            Kept::For(time) => i64::try_from(time.as_millis()).ok().and_then(|time_ms| now_ms.checked_add(time_ms)),
            Kept::Forever(_) => None,
        };
        Ok(Tombstone { erased_at_ms: now_ms, kept_until_ms })
    }

    /// Has the store remove the tombstones when they are not needed any more. Returns what there is to say about it.
    fn time_out(&self, tombstone: Tombstone, kept: &Kept) -> String {
        let topic = &self.group.topic;
        let Some(until_ms) = tombstone.kept_until_ms else {
            let why = match kept {
                Kept::Forever(why) => why,
                Kept::For(_) => "its retention is longer than any date",
            };
            return format!("tombstones are kept forever, as the topic {topic} may keep its records: {why}");
        };
        let until =
            DateTime::from_millis(until_ms).try_to_rfc3339_string().unwrap_or_else(|_| format!("{until_ms} ms"));
        match self.runtime.block_on(self.store.remove_tombstones_in_time()) {
            Ok(()) => format!("tombstones are kept until {until}; by then the topic {topic} has none of the records"),
            Err(reason) => {
                format!("tombstones are kept forever, because the store has no TTL index for them: {reason}")
            }
        }
    }
}

fn said(found: Found, is_dry_run: bool) -> &'static str {
    match (found, is_dry_run) {
        (Found::Document, false) => "document erased",
        (Found::Nothing, false) => "nothing was stored; it stays out from now on",
        (Found::Tombstone, false) => "was erased before",
        (Found::Document, true) => "its document would be erased",
        (Found::Nothing, true) => "nothing is stored; it would stay out",
        (Found::Tombstone, true) => "was erased before",
    }
}
