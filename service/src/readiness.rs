//! Whether a service is ready, and if not, what it waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A set of named conditions (`kafka`, `store`, …), shared by the code that sets them and the code that asks. A service
/// is ready when each of its conditions is met; a condition starts unmet.
#[derive(Debug, Clone)]
pub struct Readiness {
    conditions: Arc<Mutex<BTreeMap<&'static str, Result<(), String>>>>,
}

impl Readiness {
    /// Starts with each of these conditions unmet.
    pub fn new(conditions: &[&'static str]) -> Self {
        let conditions = conditions.iter().map(|name| (*name, Err("connecting".to_owned()))).collect();
        Self { conditions: Arc::new(Mutex::new(conditions)) }
    }

    /// The condition is met. Returns whether that is news.
    pub fn met(&self, condition: &'static str) -> bool {
        self.set(condition, Ok(()))
    }

    /// The condition is not met, for this reason. Returns whether that is news.
    pub fn unmet(&self, condition: &'static str, reason: impl Into<String>) -> bool {
        self.set(condition, Err(reason.into()))
    }

    /// `Ok` when every condition is met; otherwise one line that names each unmet one with its reason.
    pub fn check(&self) -> Result<(), String> {
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        let unmet =
            conditions.iter().filter_map(|(name, state)| state.as_ref().err().map(|why| format!("{name}: {why}")));
        let unmet: Vec<String> = unmet.collect();
        if unmet.is_empty() { Ok(()) } else { Err(unmet.join("; ")) }
    }

    /// Each condition by name, with the reason if it is not met.
    pub fn conditions(&self) -> Vec<(&'static str, Result<(), String>)> {
        let conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        conditions.iter().map(|(name, state)| (*name, state.clone())).collect()
    }

    fn set(&self, condition: &'static str, state: Result<(), String>) -> bool {
        let mut conditions = self.conditions.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ok = state.is_ok();
        let before = conditions.insert(condition, state);
        before.is_none_or(|before| before.is_ok() != is_ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(readiness.conditions(), [("kafka", Err("away".to_owned())), ("store", Ok(()))]);
        assert_eq!(readiness.check(), Err("kafka: away".to_owned()));
    }
}
