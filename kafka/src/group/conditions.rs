//! A member's health as readiness conditions and log lines. Each condition covers all flushes, commits or dead letters:
//! it is met when none is in trouble, and otherwise says since when one is.

use std::time::{Duration, Instant};

use service::Readiness;
use service::trace::{span_id, trace_id};

use super::core::{Core, Exceeded, Received, Trouble};
use super::handler::RecordHandler;

/// The readiness condition for writes: batches and dead letters.
pub const FLUSHES: &str = "flush";

/// The readiness condition for commits.
pub const COMMITS: &str = "commit";

/// The readiness condition for the number of dead letters.
pub const DEAD_LETTERS: &str = "dead_letters";

/// A commit that is unanswered for this long is in trouble.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the conditions up to date.
pub(super) struct Conditions {
    readiness: Readiness,
    is_flush_stuck: bool,
    is_commit_stuck: bool,
    is_braked: bool,
}

impl Conditions {
    /// Everything is well.
    pub(super) fn new(readiness: Readiness) -> Self {
        for condition in [FLUSHES, COMMITS, DEAD_LETTERS] {
            readiness.met(condition);
        }
        Self { readiness, is_flush_stuck: false, is_commit_stuck: false, is_braked: false }
    }

    /// Shows what has changed.
    pub(super) fn show<H: RecordHandler>(&mut self, core: &Core<H::Record>, handler: &H) {
        // Set each time, because its age grows.
        let is_news = core.trouble().is_some_and(|trouble| self.readiness.unmet(FLUSHES, since(trouble)));
        match core.trouble() {
            Some(trouble) if is_news => tracing::warn!(reason = trouble.reason, "flush held up, trying again"),
            None if self.is_flush_stuck => {
                self.readiness.met(FLUSHES);
                tracing::info!("flushes get through again");
            }
            _ => {}
        }
        self.is_flush_stuck = core.trouble().is_some();
        self.show_commits(core);
        self.show_brake(core, handler);
    }

    fn show_commits<R>(&mut self, core: &Core<R>) {
        let unanswered = core.commit_since().filter(|since| since.elapsed() > COMMIT_PATIENCE);
        let trouble = core.commit_trouble().cloned().or_else(|| {
            let since = unanswered?;
            Some(Trouble { since, reason: "Kafka does not answer a commit".to_owned() })
        });
        match trouble {
            Some(trouble) => _ = self.readiness.unmet(COMMITS, since(&trouble)),
            None if self.is_commit_stuck => _ = self.readiness.met(COMMITS),
            None => {}
        }
        self.is_commit_stuck = core.commit_trouble().is_some() || unanswered.is_some();
    }

    fn show_brake<H: RecordHandler>(&mut self, core: &Core<H::Record>, handler: &H) {
        match core.braked() {
            Some((exceeded, record)) if !self.is_braked => {
                self.is_braked = true;
                self.brake(exceeded, record, handler);
            }
            None if self.is_braked => {
                self.is_braked = false;
                self.readiness.met(DEAD_LETTERS);
                tracing::info!("the brake is released, consuming continues");
            }
            _ => {}
        }
    }

    fn brake<H: RecordHandler>(&self, exceeded: Exceeded, record: Option<&Received<H::Record>>, handler: &H) {
        let last = record.map(|record| {
            let (partition, offset) = (record.ticket.partition, record.ticket.offset);
            let letter = handler.dead_letter(&record.cargo);
            let trace = record.cargo.as_ref().trace;
            let line = handler.log_line(&record.cargo);
            tracing::debug!(id = %letter.id, trace_id = trace_id(trace), span_id = span_id(trace), "record held");
            format!(", the last one at partition {partition}, offset {offset}: {}, {line}", letter.reason.as_str())
        });
        let why = format!(
            "consuming is paused, {exceeded}{}. Fix the cause, then release the brake \
             (`consumer dead-letters release`) or restart the consumer, which starts the count again; \
             or raise the limit",
            last.unwrap_or_default()
        );
        tracing::warn!("{why}");
        self.readiness.unmet(DEAD_LETTERS, why);
    }
}

/// The trouble and its age, in whole seconds.
fn since(trouble: &Trouble) -> String {
    format!("{}, for {} s", trouble.reason, Instant::now().saturating_duration_since(trouble.since).as_secs())
}
