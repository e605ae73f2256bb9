//! `submissions export`: every submission as a line of JSON, straight from the store, from the newest to the oldest.
//! What is submitted meanwhile is not among them.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde::Serialize;
use service::{Settings, exit, telemetry};

use crate::api::{SubmissionView, encode};
use crate::config::SubmissionsConfig;
use crate::scope::Scope;
use crate::store::{self, Listing, Store, StoreError};

/// The argument that selects this command.
pub(crate) const NAME: &str = "export";

const HELP: &str = "\
Writes every submission as a line of JSON, with the fields of the API and its owner, from the newest to the oldest. It
asks the database of DATABASE_URL and no service.

Usage: submissions export > submissions.ndjson

Exit codes: 0 all were written, 1 the database or the output failed, 64 arguments or settings that cannot be used.
";

/// How many submissions to ask for at a time.
const PAGE: u32 = 1_000;

/// A line.
#[derive(Serialize)]
struct Exported<'a> {
    #[serde(flatten)]
    submission: SubmissionView<'a>,
    /// The caller that submitted it, null where nobody was asked.
    owner: Option<&'a str>,
}

/// What the program does with the arguments after `export`.
pub(crate) fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {}
        ["--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            let error = format!("cannot understand `{}`; see `submissions export --help`", arguments.join(" "));
            return exit::unusable("submissions", [error]);
        }
    }
    let lookup = |name: &str| std::env::var(name).ok();
    let mut settings = Settings::new(&lookup);
    let config = SubmissionsConfig::read(&mut settings);
    let (_, errors) = settings.finish();
    if !errors.is_empty() {
        return exit::unusable("submissions", errors);
    }
    telemetry::start(&config.service.log, config.service.log_format);
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime");
    match runtime.and_then(|runtime| runtime.block_on(export(&config))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("submissions: {error:#}");
            ExitCode::from(exit::FAILED)
        }
    }
}

async fn export(config: &SubmissionsConfig) -> anyhow::Result<()> {
    let store = store::open(config.database_url.url(), config.database_pool).await?;
    let written = write(&store, &mut BufWriter::new(io::stdout())).await;
    store.close().await;
    written
}

async fn write(store: &Arc<dyn Store>, output: &mut impl Write) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let listing = Listing { status: None, after, limit: PAGE };
        let page = store
            .list(&Scope::All, listing)
            .await
            .map_err(|StoreError(why)| anyhow!("cannot read the database: {why}"))?;
        for submission in &page {
            let owner = submission.owner.as_deref();
            let mut line = encode(&Exported { submission: SubmissionView::from(submission), owner });
            line.push(b'\n');
            output.write_all(&line).context("cannot write")?;
        }
        let Some(last) = page.last() else { break };
        after = Some(last.id);
    }
    output.flush().context("cannot write")
}
