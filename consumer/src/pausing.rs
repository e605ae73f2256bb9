//! Whether operators have paused a kind: asks the store once a second, passes it on to the group's member, and shows
//! it. While the store does not answer, what it said last holds; before it has answered once, nothing is fetched.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::Kind;
use metrics::Gauge;
use service::{Readiness, Registry};
use tokio::sync::watch;

use crate::metrics::PAUSED;
use crate::store::control::{Control, Pause};

/// The readiness condition set here: it is known whether the kind is paused. Being paused is no failure, but a note.
pub(crate) const CONDITION: &str = "fetching";

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_secs(1);

/// The pause in force, for those who show it.
#[derive(Clone, Default)]
pub(crate) struct ShownPause(Arc<Mutex<Option<Pause>>>);

/// What is known of one kind.
pub(crate) struct Pausing {
    kind: Kind,
    readiness: Readiness,
    gauge: Gauge,
    shown: ShownPause,
    is_paused: watch::Sender<bool>,
    /// Nothing before the first answer.
    known: Option<Option<Pause>>,
    has_failed: bool,
}

impl ShownPause {
    /// The pause, if the kind is paused.
    pub(crate) fn get(&self) -> Option<Pause> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, pause: Option<Pause>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = pause;
    }
}

impl Pausing {
    /// Knows nothing yet. The receiver is for the group's member.
    pub(crate) fn new(kind: Kind, registry: &Registry, readiness: &Readiness) -> (Self, watch::Receiver<bool>) {
        let (is_paused, pauses) = watch::channel(true);
        readiness.unmet(CONDITION, "connecting");
        let gauge = registry.gauge(&PAUSED, &[kind.name()]);
        gauge.set(0.0);
        let shown = ShownPause::default();
        (Self { kind, readiness: readiness.clone(), gauge, shown, is_paused, known: None, has_failed: false }, pauses)
    }

    /// The pause in force, for those who show it.
    pub(crate) fn shown(&self) -> ShownPause {
        self.shown.clone()
    }

    /// Keeps it up to date; never returns.
    pub(crate) async fn follow(&mut self, control: &Control) {
        loop {
            self.learn(control.pause_of(self.kind).await);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn learn(&mut self, answer: Result<Option<Pause>, String>) {
        match answer {
            Ok(pause) => self.learn_pause(pause),
            Err(error) => self.learn_nothing(&error),
        }
    }

    fn learn_pause(&mut self, pause: Option<Pause>) {
        let (kind, is_news) = (self.kind.name(), self.known.as_ref() != Some(&pause));
        self.has_failed = false;
        match &pause {
            Some(pause) => {
                self.readiness.met_in_part(CONDITION, paused(pause));
                if is_news {
                    tracing::warn!(kind, by = pause.by, since = pause.since_text(), "operators have paused fetching");
                }
            }
            None => {
                self.readiness.met(CONDITION);
                if is_news && self.known.is_some() {
                    tracing::info!(kind, "operators have resumed fetching");
                }
            }
        }
        if is_news {
            self.gauge.set(f64::from(u8::from(pause.is_some())));
            self.is_paused.send_replace(pause.is_some());
            self.shown.set(pause.clone());
            self.known = Some(pause);
        }
    }

    fn learn_nothing(&mut self, error: &str) {
        let kind = self.kind.name();
        if !std::mem::replace(&mut self.has_failed, true) {
            tracing::warn!(kind, error, "cannot learn whether operators have paused fetching, trying again");
        }
        match &self.known {
            None => {
                let why = format!("nothing is fetched before it is known whether operators have paused it: {error}");
                self.readiness.unmet(CONDITION, why);
            }
            Some(known) => {
                let state = known.as_ref().map_or_else(|| "not paused".to_owned(), paused);
                self.readiness.met_in_part(CONDITION, format!("{state}, as far as it is known: {error}"));
            }
        }
    }
}

fn paused(pause: &Pause) -> String {
    format!("paused by {} since {}", pause.by, pause.since_text())
}

#[cfg(test)]
mod tests {
    use bson::DateTime;

    use super::*;
    use crate::METRICS;

    #[test]
    fn what_was_learnt_last_holds_and_is_shown() {
        let (registry, readiness) = (Registry::new(METRICS), Readiness::new(&[]));
        let (mut pausing, pauses) = Pausing::new(Kind::Post, &registry, &readiness);
        let (shown, gauge) = (pausing.shown(), || registry.render().contains("ingest_paused{kind=\"post\"} 1"));
        assert!(*pauses.borrow(), "nothing is fetched before it is known");
        pausing.learn(Err("away".to_owned()));
        assert!(readiness.check().unwrap_err().starts_with("fetching: nothing is fetched before it is known"));
        pausing.learn(Ok(None));
        assert_eq!((*pauses.borrow(), readiness.check(), readiness.note()), (false, Ok(()), None));

        let pause = Pause { since: DateTime::from_millis(0), by: "an operator".to_owned() };
        pausing.learn(Ok(Some(pause.clone())));
        let note = "fetching: paused by an operator since 1970-01-01T00:00:00Z";
        assert_eq!((*pauses.borrow(), readiness.note().as_deref()), (true, Some(note)));
        assert!(shown.get() == Some(pause) && gauge() && readiness.check().is_ok());
        pausing.learn(Err("away".to_owned()));
        assert_eq!((*pauses.borrow(), readiness.check()), (true, Ok(())), "it stays as it was");
        assert_eq!(readiness.note(), Some(format!("{note}, as far as it is known: away")));
        pausing.learn(Ok(None));
        assert_eq!((*pauses.borrow(), shown.get(), gauge()), (false, None, false));
        assert_eq!(readiness.note(), None);
    }
}
