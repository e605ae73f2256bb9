//! Ctrl-C: the first one (or a SIGTERM) asks for an orderly end, the second one ends the program at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::base::exit;
use crate::pipeline::news;
use crate::report::view;

/// A token that is cancelled by the first signal, of which `told` is said. What was started dies with this process, so the second may just exit.
pub(crate) fn stop_on_signal(told: &'static str) -> io::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if token.is_cancelled() {
                view::restore();
                std::process::exit(exit::INTERRUPTED);
            }
            news::say(told);
            token.cancel();
        }
    });
    Ok(stop)
}
