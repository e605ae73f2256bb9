//! Every submission that the database holds, straight from it: `submissions export`.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::ledger::submissions::row::Row;

/// Gives each row to `take`.
///
/// # Errors
/// When the program fails, or a line cannot be read.
pub(crate) async fn each_row(
    program: &Path,
    variables: &[(&'static str, String)],
    log: &Path,
    mut take: impl FnMut(&Row),
) -> anyhow::Result<()> {
    let errors = std::fs::File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
    let mut command = Command::new(program);
    command.arg("export").envs(variables.iter().map(|(variable, value)| (variable, value)));
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
    let mut export = piped.spawn().context("cannot start `submissions export`")?;
    let mut lines = BufReader::new(export.stdout.take().context("its output is piped")?).lines();
    while let Some(line) = lines.next_line().await.context("cannot read what `submissions export` writes")? {
        let row = serde_json::from_str(&line).with_context(|| format!("`submissions export` wrote `{line}`"))?;
        take(&row);
    }
    let status = export.wait().await.context("cannot wait for `submissions export`")?;
    ensure!(status.success(), "`submissions export` failed ({status}); see {}", log.display());
    Ok(())
}
