//! Whether a service is ready, and if not, what it waits for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A set of named conditions (`kafka`, `store`, …), shared by the code that sets them and the code that asks. A service
/// is ready when each of its conditions is met; a condition starts unmet.
#[derive(Debug, Clone)]
pub struct Readiness {
    conditions: Arc<Mutex<BTreeMap<Condition, State>>>,
    /// The part whose conditions are set here.
    of: Option<&'static str>,
}

/// Whether a condition is met, if so perhaps with what is missing, else why not.
type State = Result<Option<String>, String>;

/// A condition by its name; shown as `kafka`, or as `order: kafka` for a part of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// The part of the service whose condition it is, if it has several of its kind.
    pub of: Option<&'static str>,
    /// Its name.
    pub name: &'static str,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(of) => write!(f, "{of}: {}", self.name),
            None => f.write_str(self.name),
        }
    }
}

impl Readiness {
    /// Starts with each of these conditions unmet.
    pub fn new(conditions: &[&'static str]) -> Self {
        let readiness = Self { conditions: Arc::default(), of: None };
        conditions.iter().for_each(|condition| _ = readiness.unmet(condition, "connecting"));
        readiness
    }

    /// The same set, as one of several equal parts of the service sees it: what it sets here are its own conditions.
    #[must_use]
    pub fn of(&self, part: &'static str) -> Self {
        Self { of: Some(part), ..self.clone() }
    }

    /// The condition is met. Returns whether that is news.
    pub fn met(&self, condition: &'static str) -> bool {
        self.set(condition, Ok(None))
    }

    /// The condition is met, though this is missing. Returns whether it was not met before.
    pub fn met_in_part(&self, condition: &'static str, note: impl Into<String>) -> bool {
        self.set(condition, Ok(Some(note.into())))
    }

    /// The condition is not met, for this reason. Returns whether that is news.
    pub fn unmet(&self, condition: &'static str, reason: impl Into<String>) -> bool {
        self.set(condition, Err(reason.into()))
    }

    /// `Ok` when every condition of the service is met; otherwise one line that names each unmet one with its reason.
    pub fn check(&self) -> Result<(), String> {
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        let unmet =
            conditions.iter().filter_map(|(name, state)| state.as_ref().err().map(|why| format!("{name}: {why}")));
        let unmet: Vec<String> = unmet.collect();
        if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ")) }
    }

    /// What is missing though every condition is met, in one line; `None` if nothing is.
    pub fn note(&self) -> Option<String> {
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        let note = |(name, state): (&Condition, &State)| Some(format!("{name}: {}", state.as_ref().ok()?.as_ref()?));
        let notes: Vec<String> = conditions.iter().filter_map(note).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// Each condition of the service, with the reason if it is not met; those of a part come together.
    pub fn conditions(&self) -> Vec<(Condition, Result<(), String>)> {
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        conditions.iter().map(|(name, state)| (*name, state.clone().map(drop))).collect()
    }

    fn set(&self, name: &'static str, state: State) -> bool {
        let mut conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ok = state.is_ok();
        let before = conditions.insert(Condition { of: self.of, name }, state);
        before.is_none_or(|before| before.is_ok() != is_ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(readiness: &Readiness) -> Vec<(String, Result<(), String>)> {
        readiness.conditions().into_iter().map(|(condition, state)| (condition.to_string(), state)).collect()
    }

    #[test]
    fn ready_means_every_condition_is_met() {
        let readiness = Readiness::new(&["kafka", "store"]);
        assert_eq!(readiness.check(), Err("kafka: connecting; store: connecting".to_owned()));
        assert!(readiness.met("kafka"));
        assert!(!readiness.met("kafka"), "no news");
        assert_eq!(readiness.check(), Err("store: connecting".to_owned()));
        assert!(readiness.met("store"));
        assert_eq!(readiness.check(), Ok(()));
        assert!(readiness.unmet("kafka", "away"));
        assert_eq!(shown(&readiness), [("kafka".to_owned(), Err("away".to_owned())), ("store".to_owned(), Ok(()))]);
        assert_eq!(readiness.check(), Err("kafka: away".to_owned()));
        assert!(readiness.met_in_part("kafka", "4 of 6 partitions"));
        assert_eq!(readiness.check(), Ok(()));
        assert_eq!(readiness.note(), Some("kafka: 4 of 6 partitions".to_owned()));
        assert!(!readiness.met("kafka"), "no news");
        assert_eq!(readiness.note(), None);
    }

    #[test]
    fn parts_do_not_overwrite_each_other() {
        let readiness = Readiness::new(&["kafka"]);
        let orders = readiness.of("order");
        assert!(orders.unmet("kafka", "away") && readiness.met("kafka"));
        for view in [&readiness, &orders] {
            assert_eq!(view.check(), Err("order: kafka: away".to_owned()));
            let expected = [("kafka".to_owned(), Ok(())), ("order: kafka".to_owned(), Err("away".to_owned()))];
            assert_eq!(shown(view), expected);
        }
        assert!(orders.met("kafka"));
        assert_eq!(readiness.check(), Ok(()));
    }
}
