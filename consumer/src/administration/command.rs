//! The commands: `consumer topics`, `consumer groups` and `consumer offsets reset`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;
use service::{Kinds, Settings, exit};

use super::groups::GroupsReport;
use super::reset::Reset;
use super::topics::TopicsReport;
use crate::config::ConsumerConfig;

/// The arguments that select these commands.
pub(crate) const NAMES: [&str; 3] = ["topics", "groups", "offsets"];

const EXPLANATION: &str = "\
Environment: as for the service, see `consumer --help`.
Exit codes: 0 done, 64 arguments or settings that cannot be used, 1 not everything is known or done.";

/// Shows the topics and groups of the kinds, and sets where a group starts next.
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
    let arguments = std::iter::once("consumer".to_owned()).chain(arguments);
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // If the text cannot be printed, nobody reads it.
            error.print().ok();
            return if error.use_stderr() { ExitCode::from(exit::UNUSABLE) } else { ExitCode::SUCCESS };
        }
    };
    let named = command_line.verb.kind();
    let lookup = |name: &str| std::env::var(name).ok();
    let mut settings = Settings::new(&lookup);
    let mut wrong = None;
    let config = ConsumerConfig::with_kinds(&mut settings, |settings| {
        let kinds = Kinds::read(settings);
        let Some(name) = named else { return kinds };
        // Only the names of this kind must be usable.
        let served = kinds.named(name).map_err(|error| wrong = Some(format!("--kind: {error}")));
        Kinds { served: served.into_iter().collect(), ..kinds }
    });
    let (_, errors) = settings.finish();
    if !errors.is_empty() {
        return exit::unusable("consumer", errors);
    }
    if let Some(error) = wrong {
        return exit::unusable("consumer", [error]);
    }
    match execute(command_line.verb, &config, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(exit::FAILED),
        // The reader has gone, as with `groups | head`.
        Err(error) if error.downcast_ref().is_some_and(|e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("consumer: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
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
    }
}

impl Verb {
    /// The kind that is meant, if it is one.
    fn kind(&self) -> Option<&str> {
        match self {
            Verb::Topics { .. } | Verb::Groups { .. } => None,
            Verb::Offsets { verb: OffsetsVerb::Reset(reset) } => Some(&reset.kind),
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
