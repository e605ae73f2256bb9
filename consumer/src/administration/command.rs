//! The commands: `consumer topics`, `groups`, `offsets reset`, `pause` and `resume`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use serde::Serialize;
use service::exit;
use tokio::runtime::Builder;

use super::groups::GroupsReport;
use super::reset::Reset;
use super::topics::TopicsReport;
use super::{SOMEBODY, kinds};
use crate::beginning;
use crate::config::ConsumerConfig;

/// The arguments that select these commands.
pub(crate) const NAMES: [&str; 5] = ["topics", "groups", "offsets", "pause", "resume"];

const EXPLANATION: &str = "\
Environment: as for the service, see `consumer --help`.
Exit codes: 0 done, 64 arguments or settings that cannot be used, 1 not everything is known or done.";

/// Shows the topics and groups of the kinds, sets where a group starts next, and pauses kinds.
#[derive(Debug, Parser)]
#[command(name = "consumer", bin_name = "consumer", after_help = EXPLANATION)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The topics of the kinds that are served, and those of their dead letters: partitions, leaders, replicas in sync,
    /// first and last offset, and how long records are kept
    #[command(after_help = EXPLANATION)]
    Topics {
        #[command(flatten)]
        form: Form,
    },
    /// The groups of the kinds that are served: state, members with their partitions, and for each partition the
    /// committed offset, the end and the lag
    #[command(after_help = EXPLANATION)]
    Groups {
        #[command(flatten)]
        form: Form,
    },
    /// What a kind's group has committed
    #[command(after_help = EXPLANATION)]
    Offsets {
        #[command(subcommand)]
        verb: OffsetsVerb,
    },
    /// Stops fetching the records of a kind, in all members of its group within about a second, and in those that start
    /// later, until it is resumed. What was fetched is stored and committed, and partitions are kept; other kinds
    /// continue. This is written to the kind's database, so no consumer has to run
    #[command(after_help = EXPLANATION)]
    Pause {
        /// The kind: post, order or one of KINDS_DIR
        #[arg(long, value_name = "KIND")]
        kind: String,
        /// Who pauses it, as `/readyz` and the status page show it
        #[arg(long, value_name = "NAME", default_value = SOMEBODY, value_parser = parse_name)]
        by: String,
    },
    /// Fetches the records of a kind again that was paused
    #[command(after_help = EXPLANATION)]
    Resume {
        /// The kind: post, order or one of KINDS_DIR
        #[arg(long, value_name = "KIND")]
        kind: String,
    },
}

#[derive(Debug, Subcommand)]
enum OffsetsVerb {
    /// Sets where the consumer of a kind starts next, while its group has no members. What is read again is stored
    /// once; what is skipped is never stored, so that must be asked for
    #[command(after_help = EXPLANATION)]
    Reset(Reset),
}

#[derive(Debug, clap::Args)]
struct Form {
    /// Print JSON, as the consumer's listener serves it
    #[arg(long)]
    json: bool,
}

/// What the program does with all of its arguments.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let begun = beginning::parse("consumer", arguments)
        .and_then(|CommandLine { verb }| Ok((beginning::config(verb.kind())?, verb)));
    let (config, verb) = match begun {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let is_report = matches!(verb, Verb::Topics { .. } | Verb::Groups { .. });
    match execute(verb, &config, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(exit::FAILED),
        // The reader has gone, as with `groups | head`.
        Err(error) if is_report && error.downcast_ref().is_some_and(is_broken_pipe) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("consumer: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

fn is_broken_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Returns whether everything is known or done.
fn execute(verb: Verb, config: &ConsumerConfig, output: &mut impl Write) -> anyhow::Result<bool> {
    match verb {
        Verb::Topics { form } => {
            let report = TopicsReport::ask(config)?;
            form.print(&report, output)?;
            Ok(report.is_whole())
        }
        Verb::Groups { form } => {
            let report = GroupsReport::ask(config)?;
            form.print(&report, output)?;
            Ok(report.is_whole())
        }
        Verb::Offsets { verb: OffsetsVerb::Reset(reset) } => {
            for kind in &config.kinds {
                reset.execute(*kind, config.group(*kind), output)?;
            }
            Ok(true)
        }
        Verb::Pause { by, .. } => set_paused(config, Some(&by), output),
        Verb::Resume { .. } => set_paused(config, None, output),
    }
}

fn set_paused(config: &ConsumerConfig, by: Option<&str>, output: &mut impl Write) -> anyhow::Result<bool> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    for kind in &config.kinds {
        writeln!(output, "{}", runtime.block_on(kinds::set_and_say(config, *kind, by))?)?;
    }
    Ok(true)
}

/// A name is one short line.
fn parse_name(text: &str) -> Result<String, String> {
    let is_name = !text.trim().is_empty() && text.chars().count() <= 64 && !text.contains(char::is_control);
    is_name.then(|| text.to_owned()).ok_or_else(|| "must have 1 to 64 characters on one line".to_owned())
}

impl Verb {
    /// The kind that is meant, if it is one.
    fn kind(&self) -> Option<&str> {
        match self {
            Verb::Topics { .. } | Verb::Groups { .. } => None,
            Verb::Offsets { verb: OffsetsVerb::Reset(reset) } => Some(&reset.kind),
            Verb::Pause { kind, .. } | Verb::Resume { kind } => Some(kind),
        }
    }
}

impl Form {
    fn print(&self, report: &(impl Serialize + std::fmt::Display), output: &mut impl Write) -> anyhow::Result<()> {
        if self.json {
            writeln!(output, "{}", serde_json::to_string(report)?)?;
        } else {
            write!(output, "{report}")?;
        }
        Ok(())
    }
}
