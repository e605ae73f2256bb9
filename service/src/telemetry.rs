//! Structured logs on standard error: text for people, JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::recent_errors::RecentErrors;

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl LogFormat {
    /// Text on a terminal, JSON elsewhere.
    pub fn for_this_output() -> Self {
        if std::io::stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json }
    }
}

/// Checks a filter such as `info` or `info,producer=debug`.
///
/// # Errors
/// What is wrong with it.
pub fn check_filter(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(drop).map_err(|error| format!("must be a level such as info or debug ({error})"))
}

/// Starts logging for this process; a second call changes nothing.
pub fn start(filter: &str, format: LogFormat) {
    // rskafka logs every connection at info and every failed try at warn, which drowns the service's own lines.
    let filter = EnvFilter::new(format!("rskafka=error,{filter}"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => {
            let logs = logs.with_ansi(std::io::stderr().is_terminal()).finish();
            logs.with(RecentErrors::of_this_process()).try_init()
        }
        LogFormat::Json => {
            let logs = logs.json().flatten_event(true).with_current_span(false).finish();
            logs.with(RecentErrors::of_this_process()).try_init()
        }
    };
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}
