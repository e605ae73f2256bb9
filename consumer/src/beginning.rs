//! How every command begins: its arguments, the settings, and a reader of Kafka.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kafka::group::GroupConfig;
use kafka::topics::ReaderConfig;
use service::{Kinds, Settings, exit};

use crate::config::ConsumerConfig;

/// What the arguments after this name say.
///
/// # Errors
/// The exit code, once what is wrong with them, or the help that they ask for, is printed.
pub(crate) fn parse<C: Parser>(name: &str, arguments: impl Iterator<Item = String>) -> Result<C, ExitCode> {
    C::try_parse_from(std::iter::once(name.to_owned()).chain(arguments)).map_err(|error| {
        // If the text cannot be printed, nobody reads it.
        error.print().ok();
        if error.use_stderr() { ExitCode::from(exit::UNUSABLE) } else { ExitCode::SUCCESS }
    })
}

/// The settings, of this kind alone if one is named: then only its names must be usable.
///
/// # Errors
/// The exit code, once what is wrong with them is printed.
pub(crate) fn config(named: Option<&str>) -> Result<ConsumerConfig, ExitCode> {
    let lookup = |name: &str| std::env::var(name).ok();
    let (mut settings, mut wrong) = (Settings::new(&lookup), None);
    let config = ConsumerConfig::with_kinds(&mut settings, |settings| {
        let kinds = Kinds::read(settings);
        let Some(name) = named else { return kinds };
        let served = kinds.named(name).map_err(|error| wrong = Some(format!("--kind: {error}")));
        Kinds { served: served.into_iter().collect(), ..kinds }
    });
    let (_, errors) = settings.finish();
    if !errors.is_empty() {
        return Err(exit::unusable("consumer", errors));
    }
    match wrong {
        Some(error) => Err(exit::unusable("consumer", [error])),
        None => Ok(config),
    }
}

/// A reader that waits this long for each answer, and chooses its partitions.
pub(crate) fn reader_config(group: &GroupConfig, patience: Duration) -> ReaderConfig {
    ReaderConfig {
        cluster: group.cluster.clone(),
        client_id: "consumer",
        group: group.group.clone(),
        patience,
        picks_records: false,
    }
}
