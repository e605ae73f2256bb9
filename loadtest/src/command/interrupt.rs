//! Ctrl-C: the first one (or a SIGTERM) asks for a clean end, the second one ends the program at once.

use anyhow::Context;
use service::stop::StopSignals;
use tokio_util::sync::CancellationToken;

use crate::base::exit;
use crate::pipeline::news;
use crate::report::view;

/// A token that the first signal cancels, which also prints `notice`. What was started dies with this process, so the
/// second signal can simply end it.
pub(crate) fn stop_on_signal(notice: &'static str) -> anyhow::Result<CancellationToken> {
    let mut signals = StopSignals::new().context("cannot listen for signals")?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            signals.next().await;
            if token.is_cancelled() {
                view::restore();
                std::process::exit(exit::INTERRUPTED);
            }
            news::say(notice);
            token.cancel();
        }
    });
    Ok(stop)
}
