//! The verdicts of the contents that were judged last, by a hash of the content and the version of the rule.
//!
//! Memory is bounded by two generations: a verdict goes into the younger one; when that is full, the older one is
//! forgotten and they change places. A verdict that is used moves to the younger one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use crate::rules::{RULE_VERSION, Verdict};

/// The verdicts of the latest contents.
#[derive(Debug)]
pub(super) struct Verdicts {
    /// Verdicts of a generation.
    limit: usize,
    /// Two hashes with keys that nobody else knows: no client can make two contents that share both.
    hashers: [RandomState; 2],
    younger: HashMap<ContentKey, Verdict>,
    older: HashMap<ContentKey, Verdict>,
}

/// What a content is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ContentKey([u64; 2]);

impl Verdicts {
    /// Remembers at least this many verdicts, and at most twice as many.
    pub(super) fn new(limit: usize) -> Self {
        let hashers = [RandomState::new(), RandomState::new()];
        Self { limit, hashers, younger: HashMap::new(), older: HashMap::new() }
    }

    /// What this content is known by; `None` where nothing is remembered.
    pub(super) fn key(&self, content: &str) -> Option<ContentKey> {
        let hash = |hasher: &RandomState| hasher.hash_one((RULE_VERSION, content));
        (self.limit > 0).then(|| ContentKey(self.hashers.each_ref().map(hash)))
    }

    /// The verdict on this content, if it is remembered.
    pub(super) fn get(&mut self, key: ContentKey) -> Option<Verdict> {
        if let Some(verdict) = self.younger.get(&key) {
            return Some(verdict.clone());
        }
        let verdict = self.older.get(&key)?.clone();
        self.remember(key, verdict.clone());
        Some(verdict)
    }

    /// Remembers the verdict on this content.
    pub(super) fn remember(&mut self, key: ContentKey, verdict: Verdict) {
        if self.younger.len() >= self.limit && !self.younger.contains_key(&key) {
            std::mem::swap(&mut self.younger, &mut self.older);
            self.younger.clear();
        }
        self.younger.insert(key, verdict);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_room_no_content_has_a_key() {
        assert_eq!(Verdicts::new(0).key("content"), None);
        assert!(Verdicts::new(1).key("content").is_some());
    }

    proptest! {
        /// The model is the list of all uses.
        #[test]
        fn the_latest_verdicts_are_known_and_memory_is_bounded(
            limit in 1_usize..8,
            uses in proptest::collection::vec((0_u8..20, any::<bool>()), 0..300),
        ) {
            let mut verdicts = Verdicts::new(limit);
            let mut used: Vec<u8> = Vec::new();
            for (content, is_remembered) in uses {
                let text = content.to_string();
                let key = verdicts.key(&text).expect("there is room");
                let last = used.iter().rposition(|other| *other == content);
                let others = last.map(|last| {
                    let mut others = used[last + 1..].to_vec();
                    others.sort_unstable();
                    others.dedup();
                    others.len()
                });
                let known = verdicts.get(key);
                prop_assert!(known.is_some() || others.is_none_or(|others| others >= limit), "forgotten early");
                prop_assert!(known.is_none() || others.is_some_and(|others| others <= 2 * limit), "never remembered");
                prop_assert!(known.as_ref().is_none_or(|known| *known == Verdict::Failed(text.clone())));
                if known.is_some() {
                    used.push(content);
                } else if is_remembered {
                    verdicts.remember(key, Verdict::Failed(text));
                    used.push(content);
                }
                prop_assert!(verdicts.younger.len() <= limit && verdicts.older.len() <= limit);
            }
        }
    }
}
