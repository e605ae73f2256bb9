//! Submissions: content that is taken over HTTP, answered at once, worked on, and watched while its status changes.
//!
//! [`status`], [`rules`], [`content`] and [`lease`] decide, without a clock or a database. [`store`] keeps submissions
//! and is the single source of truth about their states. [`operations`] is what people and programs can ask for, each
//! within its [`scope`], by the [`api`] or by the [`page`]; [`submit`] gathers what is submitted at the same time into
//! one transaction. A [`worker`] claims submissions, works on them and writes how they end; `queue` is how it learns
//! what it can claim. A [`sweeper`] ends the leases of workers that are gone. What these two decide is in their cores,
//! which `simulation` runs in virtual time with everything failing that can. [`run()`] puts the parts together, for one
//! process that does all or for several on one database. [`mod@openapi`] describes the API.

use std::process::ExitCode;

use service::program::Connecting;
use service::{Program, auth};

pub mod api;
mod asking;
mod config;
pub mod content;
mod export;
mod form;
mod held;
mod journal;
pub mod lease;
pub mod metrics;
mod mistake;
mod openapi;
pub mod operations;
mod pace;
pub mod page;
mod queue;
mod reach;
mod roles;
mod routes;
pub mod rules;
mod run;
pub mod scope;
mod settling;
#[cfg(test)]
mod simulation;
pub mod status;
mod status_page;
pub mod store;
mod submission;
pub mod submit;
pub mod sweeper;
mod time;
pub mod worker;

pub use config::{ApiConfig, DatabaseUrl, KafkaConfig, SubmissionsConfig, WorkerConfig};
pub use openapi::openapi;
pub use roles::Roles;
pub use routes::DOCUMENTATION_ROUTES;
pub use run::{METRICS, run};
pub use submission::{NewSubmission, Submission};

const ABOUT: &str = "\
Takes submissions over HTTP (POST /api/submissions/) and by a page for people, works on them, and shows what becomes of
them. With one file as its database it is all in one process and needs nothing else.

`submissions api` serves the API and the page alone, `submissions worker` works alone: several of each can share a
database of PostgreSQL (DATABASE_URL). `submissions export` writes every submission as a line of JSON.
`submissions keys` makes API keys.";

/// The program: what `main` does with the arguments after its name.
pub fn main(arguments: Vec<String>) -> ExitCode {
    let mut arguments = arguments.into_iter().peekable();
    let (read, connect) = (SubmissionsConfig::read, |config| -> Connecting { Box::pin(reach::reach(config)) });
    if arguments.next_if(|argument| argument == export::NAME).is_some() {
        return export::main(arguments);
    }
    if arguments.next_if(|argument| argument == auth::NAME).is_some() {
        return auth::main("submissions", arguments);
    }
    if arguments.next_if(|argument| argument == "api").is_some() {
        let about = "Serves the API and the page of submissions; `submissions worker` works on them.";
        let program = Program { name: "submissions api", about, read, connect };
        return program.main(arguments, |config, listeners, stop| run(config, Roles::API, listeners, stop));
    }
    if arguments.next_if(|argument| argument == "worker").is_some() {
        let about = "Works on submissions that `submissions api` takes, and serves health and metrics.";
        let program = Program { name: "submissions worker", about, read, connect };
        return program.main(arguments, |config, listeners, stop| run(config, Roles::WORKER, listeners, stop));
    }
    let program = Program { name: "submissions", about: ABOUT, read, connect };
    program.main(arguments, |config, listeners, stop| run(config, Roles::ALL, listeners, stop))
}
