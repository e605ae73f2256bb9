//! The load lab: applies load to the pipeline, and proves that every accepted post is stored exactly once.
//!
//! It has five layers; each imports only from those below it, and no files import each other in a circle:
//!
//! - [`command`]: a file for each verb, and the options on its command line;
//! - [`report`]: what a verb has found, as JSON, page, plots, table and live view, and what it is judged by;
//! - [`pipeline`]: what is under test (servers and services), how it is watched, and what chaos does to it;
//! - [`load`]: the generator, when posts are due, and what its figures are worth;
//! - [`ledger`]: what the n-th post is, what its sender was answered, and what was found of it.
//!
//! Below them all, [`base`] has what every layer needs: numbers as people read them and exit codes.
//!
//! A run ([`command::run`]) brings up a [pipeline](pipeline::under_test), with this program itself as the
//! [`services`] → the [generator](load::generator) sends posts as [pacing](load::pacing) says, and the
//! [recorder](load::recorder) books the answers → [`drain`](pipeline::drain) waits until all is stored →
//! [reconcile](ledger::reconcile) compares what the store holds with the [books](ledger::books) →
//! [thresholds](report::threshold) judge, and the [report](report::run) is written in several [files](report::files).

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

mod base;
mod command;
mod ledger;
mod load;
mod pipeline;
mod report;

use base::exit::{self, Unusable};
use command::options::{CommandLine, Verb};
use command::{chaos, check_ledger, compare, find_max, limits, merge, run, show, soak, submissions, tune, up, verify};
/// Every metric of the lab itself.
pub use load::live::METRICS;
use pipeline::services;
/// Whether a report is as its schema says, for the tests of the program.
pub use report::schema;

/// The program: what `main` does with its arguments, its own name first. With `producer` or `consumer` as the first
/// argument it is that service, with `bare` the bare server of [`limits`]: this is how the lab starts its children.
///
/// Not generic, as in the services: so all of it is compiled with the library, and not at the very end of a build.
pub fn main(mut arguments: Vec<String>) -> ExitCode {
    match arguments.get(1).map(String::as_str) {
        Some(services::PRODUCER) => return producer::main(arguments.split_off(2)),
        Some(services::CONSUMER) => return consumer::main(arguments.split_off(2)),
        Some(services::BARE) => return limits::bare::main(),
        _ => {}
    }
    match CommandLine::try_parse_from(arguments.into_iter().map(OsString::from)) {
        Ok(command_line) => execute(command_line.verb()),
        Err(error) => {
            let is_error = error.use_stderr();
            // Nobody reads the text if it cannot be printed.
            error.print().ok();
            if is_error { ExitCode::from(exit::UNUSABLE) } else { ExitCode::SUCCESS }
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
                Verb::Submissions(options) => submissions::submissions(*options, &stack::environment).await,
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
