//! The last warnings and errors of the log, for the status page. A process has one log, so two services in one process
//! show each other's. What `LOG` filters out is missing here, too.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Context;

/// How many are kept; older ones are forgotten.
const MOST: usize = 10;

/// The longest text that is kept, in bytes; a longer one is cut.
const TEXT_BYTES: usize = 300;

/// A warning or an error, and how often it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentError {
    /// `WARN` or `ERROR`.
    pub level: Level,
    /// The message and its fields.
    pub text: String,
    /// How often it has come since it was first kept.
    pub count: u64,
    /// When it last came (UTC, RFC 3339).
    pub at: String,
}

/// Keeps the last warnings and errors, as a layer of the log. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct RecentErrors {
    kept: Arc<Mutex<Kept>>,
}

impl RecentErrors {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        static OF_THIS_PROCESS: LazyLock<RecentErrors> = LazyLock::new(RecentErrors::default);
        OF_THIS_PROCESS.clone()
    }

    /// What is kept, the latest first.
    pub fn latest(&self) -> Vec<RecentError> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.iter().rev().cloned().collect()
    }
}

impl<S: Subscriber> Layer<S> for RecentErrors {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::WARN {
            return;
        }
        let mut line = Line::default();
        event.record(&mut line);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).add(level, line.text, now());
    }
}

/// The time (UTC, RFC 3339).
pub(crate) fn now() -> String {
    let mut text = String::new();
    SystemTime.format_time(&mut Writer::new(&mut text)).expect("writing into memory cannot fail");
    text
}

/// What is kept, the latest last. Pure: the time is an argument.
#[derive(Debug, Default)]
struct Kept(VecDeque<RecentError>);

impl Kept {
    /// Adds one. If it repeats one that is kept, that one's count grows and it becomes the latest.
    fn add(&mut self, level: Level, text: String, at: String) {
        let known = self.0.iter().position(|kept| kept.level == level && kept.text == text);
        let count = known.and_then(|index| self.0.remove(index)).map_or(0, |known| known.count);
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(RecentError { level, text, count: count + 1, at });
    }
}

/// A message and its fields, cut at [`TEXT_BYTES`]. The message comes first, as tracing's macros record it.
#[derive(Default)]
struct Line {
    text: String,
    fields: usize,
    is_cut: bool,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // An error only means that the line is full, and the text shows the cut.
        if field.name() == "message" {
            write!(self, "{value:?}").ok();
        } else {
            let separator = if self.fields == 0 { ":" } else { "," };
            self.fields += 1;
            write!(self, "{separator} {}={value:?}", field.name()).ok();
        }
    }
}

impl Write for Line {
    /// Stops the writer at the cut, so that a long value costs no more than a short one.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        for character in text.chars() {
            if self.text.len() + character.len_utf8() > TEXT_BYTES {
                self.text.push('…');
                self.is_cut = true;
                return Err(fmt::Error);
            }
            self.text.push(character);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What is kept of the events that `log` emits.
    fn kept(log: impl FnOnce()) -> Vec<RecentError> {
        let errors = RecentErrors::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(errors.clone()), log);
        errors.latest()
    }

    #[test]
    fn warnings_and_errors_are_kept_with_their_fields_and_nothing_else_is() {
        let kept = kept(|| {
            tracing::info!("fine");
            tracing::warn!(partition = 3, error = "no answer", why = %"none", "cannot commit");
            tracing::error!("lost");
        });
        let seen: Vec<_> = kept.iter().map(|error| (error.level, error.text.as_str(), error.count)).collect();
        assert_eq!(
            seen,
            [(Level::ERROR, "lost", 1), (Level::WARN, "cannot commit: partition=3, error=no answer, why=none", 1)]
        );
        assert!(kept[0].at >= kept[1].at && kept[0].at.ends_with('Z'), "{kept:?}");
    }

    #[test]
    fn a_repeated_error_is_counted_and_becomes_the_latest() {
        let kept = kept(|| {
            for error in ["a", "b", "a"] {
                tracing::warn!(error, "cannot fetch");
            }
            tracing::error!(error = "a", "cannot fetch");
        });
        let seen: Vec<_> = kept.iter().map(|error| (error.level, error.text.as_str(), error.count)).collect();
        assert_eq!(
            seen,
            [
                (Level::ERROR, "cannot fetch: error=a", 1),
                (Level::WARN, "cannot fetch: error=a", 2),
                (Level::WARN, "cannot fetch: error=b", 1)
            ]
        );
    }

    #[test]
    fn the_oldest_are_forgotten_and_long_ones_are_cut() {
        let kept = kept(|| {
            for number in 0..2 * MOST {
                tracing::warn!(number, value = "ü".repeat(TEXT_BYTES), more = true, "long");
            }
        });
        assert_eq!(kept.len(), MOST);
        assert!(kept[0].text.starts_with("long: number=19, value=üü"), "{kept:?}");
        assert!(kept.iter().all(|error| error.text.ends_with("ü…") && error.text.len() <= TEXT_BYTES + "…".len()));
    }
}
