//! The keys that are looked at until the end, whatever was seen of them. Pure.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// At most this many keys are watched: one small query.
pub(crate) const MOST_WATCHED: usize = 200;

/// Shortest time from the start of one look at them to that of the next.
pub(crate) const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// The first keys that were sampled. A sampled record is looked for only until it is visible; whether its key goes back
/// to an older state later shows only to somebody who keeps looking.
#[derive(Debug, Default)]
pub(crate) struct WatchedKeys {
    keys: BTreeSet<String>,
    looked: Option<Instant>,
}

impl WatchedKeys {
    /// A record of the key that this returns was sampled; it is asked only while there is room.
    pub(crate) fn sampled(&mut self, key: impl FnOnce() -> String) {
        if self.keys.len() < MOST_WATCHED {
            self.keys.insert(key());
        }
    }

    /// The keys, if it is time to look at them, which it then is not for [`WATCH_INTERVAL`].
    pub(crate) fn due(&mut self, now: Instant) -> Option<BTreeSet<String>> {
        let is_due = self.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= WATCH_INTERVAL);
        if self.keys.is_empty() || !is_due {
            return None;
        }
        self.looked = Some(now);
        Some(self.keys.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_keys_are_looked_at_again_and_again() {
        let (start, mut watched) = (Instant::now(), WatchedKeys::default());
        assert_eq!(watched.due(start), None, "there is no key yet");
        ["b", "a", "b"].into_iter().for_each(|key| watched.sampled(|| key.to_owned()));
        let both = Some(BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        let looks: Vec<u32> =
            (0..=30).filter(|tick| watched.due(start + WATCH_INTERVAL / 10 * *tick) == both).collect();
        assert_eq!(looks, [0, 10, 20, 30]);
        (0..1_000).for_each(|number| watched.sampled(|| number.to_string()));
        assert_eq!(watched.due(start + 2 * WATCH_INTERVAL * 30).unwrap().len(), MOST_WATCHED);
    }
}
