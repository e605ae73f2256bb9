//! The product's own command for dead letters, as an operator would use it.

use std::time::Duration;

use anyhow::{Context, ensure};
use contract::dead_letter::Reason;
use stack::Process;

use super::{CONSUMER, LOG_LINES, ServiceOptions, ServicePorts, command};

/// The command may take at most this long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Sends the dead letters of one reason back to their topic. Returns the last line of its output.
///
/// # Errors
/// When it takes too long or fails.
pub(crate) async fn replay(reason: Reason, options: &ServiceOptions) -> anyhow::Result<String> {
    let (mut command, _) = command(CONSUMER, ServicePorts::free(), options)?;
    command.args(["dead-letters", "replay", "--reason", reason.as_str()]);
    let process = Process::spawn("replay", &command, &options.logs.join("replay.log"))?;
    let status = process.wait_for(DEADLINE).await;
    let status = status.with_context(|| format!("the replay takes more than {} s", DEADLINE.as_secs()))?;
    ensure!(status.success(), "the replay failed ({status}):\n{}", process.last_lines(LOG_LINES));
    Ok(process.last_lines(1))
}
