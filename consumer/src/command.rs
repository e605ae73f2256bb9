//! `consumer dead-letters`: lists the records that could not be stored, shows them, and sends them back to their topic
//! once the cause is fixed.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand};
use contract::{Kind, RecordId};
use kafka::group::GroupConfig;
use service::program::ask;
use service::tls::Audience;
use service::{Kinds, ServiceConfig, Settings, exit};

use crate::config::groups::Groups;
use crate::{beginning, config, routes};

mod archive;
mod filter;
mod original;
mod print;
mod replay;
mod selection;

use archive::Archive;
use filter::Filter;
use original::{Incomplete, Originals};
use selection::{Selection, Totals};

/// The argument that selects this command.
pub(crate) const NAME: &str = "dead-letters";

const EXPLANATION: &str = "\
Environment: KAFKA_BROKER, and for the kind post KAFKA_TOPIC (only its dead letters are considered) and DLQ_TOPIC, for
order ORDER_KAFKA_TOPIC and ORDER_DLQ_TOPIC, as for the service; KINDS_DIR for further kinds; for release HOST and
ADMIN_PORT.
Exit codes: 0 done, 64 arguments or settings that cannot be used, 1 nothing found or not everything done.";

/// Reads the dead letters, and sends them back once their cause is fixed.
#[derive(Debug, Parser)]
#[command(name = "consumer dead-letters", bin_name = "consumer dead-letters", after_help = EXPLANATION)]
struct CommandLine {
    /// The kind of the records: post, order or one of KINDS_DIR; release concerns all of them
    #[arg(long, global = true, value_name = "KIND", default_value = Kind::Post.name())]
    kind: String,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// One line for each dead letter: partition/offset it came from, time, reason, replay attempts, id, what was wrong
    /// (preceded in brackets by what the dead letter lacks, if the topic has no room for it); then the totals
    List {
        #[command(flatten)]
        filter: Filter,
        /// Print only the first N; the totals count all
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Everything about one record, its value included; what its dead letter lacks is fetched from the record's topic
    Show {
        /// The id, or where the record came from
        #[arg(value_name = "ID|PARTITION/OFFSET", value_parser = parse_which)]
        which: Which,
    },
    /// Sends dead letters back to their topic, with their id as key and the place that they came from, so that none is
    /// ever stored twice, nor in place of a newer one. They stay among the dead letters: what is replayed again is sent
    /// again, and counts as already stored. If a record came back as a dead letter, only the last one is sent. What a
    /// dead letter lacks is fetched from the record's topic; a record that is no longer there is not sent, and the exit
    /// code is 1
    Replay {
        #[command(flatten)]
        filter: Filter,
        /// Only say what would be sent
        #[arg(long)]
        dry_run: bool,
    },
    /// Releases the brakes of the consumer that listens at HOST and ADMIN_PORT (0.0.0.0 and 3101, as for the service):
    /// the full number of dead letters is allowed again for each kind, and the records that it holds are judged again
    Release,
}

#[derive(Debug, Clone)]
enum Which {
    Id(RecordId),
    Origin(i32, i64),
}

/// What the program does with the arguments after `dead-letters`.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let command_line: CommandLine = match beginning::parse(NAME, arguments) {
        Ok(command_line) => command_line,
        Err(code) => return code,
    };
    let lookup = |name: &str| std::env::var(name).ok();
    let mut settings = Settings::new(&lookup);
    let service = ServiceConfig::read(&mut settings, config::DEFAULT_PORT);
    let kinds = Kinds::read(&mut settings);
    let named = kinds.named(&command_line.kind);
    // Only the names of this kind must be usable.
    let served = named.iter().copied().collect();
    let groups = Groups::read(&mut settings, &Kinds { served, ..kinds });
    let (_, errors) = settings.finish();
    if !errors.is_empty() {
        return exit::unusable("consumer", errors);
    }
    let kind = match named {
        Ok(kind) => kind,
        Err(error) => return exit::unusable("consumer", [format!("--kind: {error}")]),
    };
    match execute(command_line.verb, kind, groups.of(kind), &service, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has gone, as with `dead-letters list | head`.
        Err(error) if error.downcast_ref().is_some_and(|e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("consumer: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn execute(
    verb: Verb,
    kind: Kind,
    kafka: &GroupConfig,
    service: &ServiceConfig,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let archive = || Archive::open(kafka);
    match verb {
        Verb::List { filter, limit } => list(&archive()?, &kafka.topic, filter, limit.unwrap_or(usize::MAX), output),
        Verb::Show { which } => show(&archive()?, &Originals::new(kind, kafka)?, which, output),
        Verb::Replay { filter, dry_run } => {
            replay::replay(&archive()?, &Originals::new(kind, kafka)?, kafka, filter, dry_run, output)
        }
        Verb::Release => release(service, output),
    }
}

fn release(service: &ServiceConfig, output: &mut impl Write) -> anyhow::Result<()> {
    let answer = ask(service, Audience::Operators, service.admin_token.as_ref(), &format!("POST {}", routes::RELEASE))?;
    if answer.starts_with("HTTP/1.1 401") {
        bail!("the consumer on port {} needs its ADMIN_TOKEN, or has another one", service.admin_port);
    }
    if !answer.starts_with("HTTP/1.1 202") {
        bail!(
            "what listens on port {} is no consumer: {}",
            service.admin_port,
            answer.lines().next().unwrap_or("no answer")
        );
    }
    writeln!(output, "the brake is released: as many dead letters are allowed again")?;
    Ok(())
}

fn list(archive: &Archive, topic: &str, filter: Filter, limit: usize, output: &mut impl Write) -> anyhow::Result<()> {
    let mut selection = Selection::new(topic, filter);
    let mut totals = Totals::default();
    let unreadable = archive.read(|archived| {
        if selection.admits(&archived.letter) {
            if totals.all() < limit {
                writeln!(output, "{}", print::line(&archived))?;
            }
            totals.add(archived.letter.reason);
        }
        Ok(())
    })?;
    writeln!(output, "{totals}")?;
    write!(output, "{}", print::left_out(topic, selection.of_other_topics(), unreadable))?;
    Ok(())
}

fn show(archive: &Archive, originals: &Originals, which: Which, output: &mut impl Write) -> anyhow::Result<()> {
    let topic = originals.topic();
    let mut selection = Selection::new(topic, Filter::default());
    let mut found = 0;
    archive.read(|mut archived| {
        let letter = &archived.letter;
        let is_meant = match &which {
            Which::Id(id) => letter.id == *id,
            Which::Origin(partition, offset) => (letter.partition, letter.offset) == (*partition, *offset),
        };
        if is_meant && selection.admits(letter) {
            found += 1;
            let missing = match originals.complete(&mut archived) {
                Ok(()) => None,
                Err(Incomplete::Gone(why)) => Some(why),
                Err(Incomplete::Unknown(error)) => return Err(error),
            };
            writeln!(output, "{}", print::everything(&archived, missing.as_deref()))?;
        }
        Ok(())
    })?;
    if found == 0 {
        bail!("there is no such dead letter of the topic {topic}; `consumer dead-letters list` shows those there are");
    }
    Ok(())
}

fn parse_which(text: &str) -> Result<Which, String> {
    let origin =
        text.split_once('/').and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    match origin {
        Some((partition, offset)) => Ok(Which::Origin(partition, offset)),
        None => filter::parse_id(text)
            .map(Which::Id)
            .map_err(|error| format!("{error}; or partition and offset as in 0/42")),
    }
}
