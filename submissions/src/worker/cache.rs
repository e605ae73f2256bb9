//! The verdicts of the contents that were judged last, by a hash of the owner, the content and the version of the rule.
//! No owner learns from a verdict of the cache, or from the time it saves, what others have submitted.

use std::hash::{BuildHasher, RandomState};

use service::Recent;

use crate::rules::{RULE_VERSION, Verdict};

/// The verdicts of the latest contents.
#[derive(Debug)]
pub(super) struct Verdicts {
    is_used: bool,
    /// Two hashes with keys that nobody else knows: no client can make two contents that share both.
    hashers: [RandomState; 2],
    recent: Recent<ContentKey, Verdict>,
}

/// What a content of an owner is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ContentKey([u64; 2]);

impl Verdicts {
    /// Remembers at least this many verdicts, and at most twice as many.
    pub(super) fn new(limit: usize) -> Self {
        let hashers = [RandomState::new(), RandomState::new()];
        Self { is_used: limit > 0, hashers, recent: Recent::new(limit) }
    }

    /// What this content of this owner is known by; `None` where nothing is remembered.
    pub(super) fn key(&self, owner: Option<&str>, content: &str) -> Option<ContentKey> {
        let hash = |hasher: &RandomState| hasher.hash_one((RULE_VERSION, owner, content));
        self.is_used.then(|| ContentKey(self.hashers.each_ref().map(hash)))
    }

    /// The verdict on this content, if it is remembered.
    pub(super) fn get(&mut self, key: ContentKey) -> Option<Verdict> {
        let verdict = self.recent.get(&key)?.clone();
        self.recent.put(key, verdict.clone());
        Some(verdict)
    }

    /// Remembers the verdict on this content.
    pub(super) fn remember(&mut self, key: ContentKey, verdict: Verdict) {
        self.recent.put(key, verdict);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_no_content_has_a_key() {
        assert_eq!(Verdicts::new(0).key(None, "content"), None);
        assert!(Verdicts::new(1).key(None, "content").is_some());
    }

    #[test]
    fn a_verdict_that_is_used_stays() {
        let mut verdicts = Verdicts::new(2);
        let key = |verdicts: &Verdicts, content: &str| verdicts.key(None, content).expect("there is room");
        let used = key(&verdicts, "used");
        verdicts.remember(used, Verdict::Passed);
        for number in 0..10 {
            let other = key(&verdicts, &number.to_string());
            assert_eq!(verdicts.get(other), None);
            verdicts.remember(other, Verdict::Failed(number.to_string()));
            assert_eq!(verdicts.get(other), Some(Verdict::Failed(number.to_string())));
            assert_eq!(verdicts.get(used), Some(Verdict::Passed));
        }
        let first = key(&verdicts, "0");
        assert_eq!(verdicts.get(first), None);
    }
}
