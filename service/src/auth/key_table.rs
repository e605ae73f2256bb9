//! The keys that are known, by their hashes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::auth::caller::{Identity, Known};
use crate::auth::key::KeyHash;
use crate::rate::{Limiter, Standing};

/// The keys that are known. A look-up finds a key by a part of its hash, which nobody can choose, and then compares the
/// whole in constant time.
#[derive(Debug, Default)]
pub struct KeyTable {
    by_start: HashMap<u64, Vec<(KeyHash, Known)>>,
    keys: usize,
}

impl KeyTable {
    /// Adds a key; returns whether it is new.
    pub(super) fn add(&mut self, hash: KeyHash, identity: Identity) -> bool {
        let same_start = self.by_start.entry(hash.start()).or_default();
        if same_start.iter().any(|(known, _)| known.is(&hash)) {
            return false;
        }
        same_start.push((hash, Known { identity: Arc::new(identity), standing: Arc::default() }));
        self.keys += 1;
        true
    }

    /// The same table with a standing for each caller: that which it has in the earlier table, unless its rate has
    /// changed. Keys of one name share it.
    #[must_use]
    pub fn with_standings(mut self, limiter: &Limiter, earlier: &Self) -> Self {
        let known = earlier.by_start.values().flatten().map(|(_, known)| known);
        let mut standings: HashMap<&str, (&Identity, Arc<Standing>)> = known
            .map(|known| (known.identity.name.as_str(), (known.identity.as_ref(), Arc::clone(&known.standing))))
            .collect();
        let mut new: HashMap<String, Arc<Standing>> = HashMap::new();
        for (_, Known { identity, standing }) in self.by_start.values_mut().flatten() {
            let kept = standings.remove(identity.name.as_str()).filter(|(earlier, _)| earlier.rate == identity.rate);
            let fresh = || kept.map_or_else(|| Arc::new(limiter.standing(identity.rate)), |(_, standing)| standing);
            *standing = Arc::clone(new.entry(identity.name.clone()).or_insert_with(fresh));
        }
        self
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// Whose key this is.
    pub fn find(&self, key: &[u8]) -> Option<Known> {
        let hash = KeyHash::of(key);
        let same_start = self.by_start.get(&hash.start())?;
        same_start.iter().find(|(known, _)| known.is(&hash)).map(|(_, found)| found.clone())
    }
}
