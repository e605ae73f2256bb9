//! The load lab: applies load to the pipeline, and proves that every accepted post is stored exactly once.
//!
//! The way of a run ([`run`]): a [`pipeline`] is brought up, with this program itself as the [`services`] → the
//! [`generator`] sends posts as [`pacing`] says and books the answers with the [`recorder`] → [`drain`] waits until all
//! is stored → [`reconcile`] lays the store beside the [`ledger`] → [`threshold`]s judge, and the [`report`] tells, in
//! [`files`] of which [`html_report`] is the one for people, with [`plot`]s of the [`series`] that was noted meanwhile.
//! [`visible`] looks for some of the posts while the load lasts. What is told meanwhile are [`news`], which a terminal shows
//! in a [`view`]. Pacing, ledger, thresholds and everything about the report are pure; all else is a shell around them.
//! [`chaos`] is a run with faults in between, [`soak`] one for hours; a run may be the work of several generators, each with
//! its [`share`], of which [`merge`] makes one report. [`verify`] proves the traffic of others, [`compare`] lays reports side
//! by side, and [`limits`] measures what the parts could do alone. [`find_max`] and [`tune`] apply many short [`probe`]s, and
//! a pure core says which one comes next.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

mod accepted_log;
mod chaos;
mod check_ledger;
mod compare;
mod counted;
mod drain;
mod environment;
mod exit;
mod files;
mod find_max;
mod generator;
mod html_report;
mod http;
mod interrupt;
mod kafka;
mod lag;
mod ledger;
mod limits;
mod live;
mod load;
mod merge;
mod mix;
mod news;
mod observer;
mod options;
mod pacing;
mod percentiles;
mod pipeline;
mod plot;
mod post;
mod probe;
mod reconcile;
mod recorder;
mod report;
mod run;
mod scrape;
mod series;
mod services;
mod settings;
mod share;
mod show;
mod soak;
mod sparse;
mod statistics;
mod store;
mod table;
mod target;
mod text;
mod threshold;
mod trial;
mod tune;
mod up;
mod verify;
mod view;
mod visible;

use exit::Unusable;
use options::{CommandLine, Verb};

/// The program: what `main` does with its arguments, its own name first. With `producer` or `consumer` as the first
/// argument it is that service, with `bare` the bare server of [`limits`]: this is how the lab starts its own children.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    match arguments.get(1).map(String::as_str) {
        Some(services::PRODUCER) => return producer::main(arguments.into_iter().skip(2)),
        Some(services::CONSUMER) => return consumer::main(arguments.into_iter().skip(2)),
        Some(services::BARE) => return limits::bare::main(),
        _ => {}
    }
    match CommandLine::try_parse_from(arguments.into_iter().map(OsString::from)) {
        Ok(command_line) => execute(command_line.verb()),
        Err(error) => {
            let is_fault = error.use_stderr();
            // Nobody reads the text if it cannot be printed.
            error.print().ok();
            if is_fault { ExitCode::from(exit::UNUSABLE) } else { ExitCode::SUCCESS }
        }
    }
}

fn execute(verb: Verb) -> ExitCode {
    let outcome = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            match verb {
                Verb::Run(options) => run::run(options, &stack::environment).await,
                Verb::FindMax(options) => find_max::find_max(options, &stack::environment).await,
                Verb::Tune(options) => tune::tune(options, &stack::environment).await,
                Verb::Chaos(options) => chaos::chaos(options, &stack::environment).await,
                Verb::Soak(options) => soak::soak(options, &stack::environment).await,
                Verb::Verify(options) => verify::verify(options, &stack::environment).await,
                Verb::Limits(options) => limits::limits(options, &stack::environment).await,
                Verb::Up(options) => up::up(options, &stack::environment).await,
                Verb::Merge(options) => merge::merge(options, &stack::environment).await,
                Verb::CheckLedger(options) => Ok(check_ledger::check_ledger(&options)),
                Verb::Show(options) => show::show(options, &stack::environment).await,
                Verb::Compare(options) => Ok(compare::compare(&options)?),
            }
        })
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("loadtest: {error:#}");
        ExitCode::from(if error.is::<Unusable>() { exit::UNUSABLE } else { exit::FAILED })
    })
}
