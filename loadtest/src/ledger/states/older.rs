//! Whether anybody who looks at a key ever sees an older state after a newer one. Pure.

use std::collections::HashMap;
use std::time::Duration;

use contract::Place;

use super::keys::is_later;

/// A store whose answer took longer may have been away, and may have lost what it had not acknowledged yet.
const AWAY: Duration = Duration::from_secs(1);

/// At most this many are named; all are counted.
const NAMED: usize = 10;

/// What was seen of each key that was looked at.
#[derive(Debug, Default)]
pub(crate) struct StatesSeen {
    /// The latest place of each.
    newest: HashMap<String, Place>,
    older: OlderStates,
}

/// The older states that were seen after newer ones.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct OlderStates {
    pub(crate) count: u64,
    /// The first of them.
    pub(crate) first: Vec<OlderState>,
}

/// An older state that was seen after a newer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OlderState {
    id: String,
    /// The number that it names.
    pub(crate) n: Option<u64>,
    place: Place,
    /// Of the newer one.
    before: Place,
}

impl StatesSeen {
    /// A state of this key was just seen, whose record stands at this place. Looks must not overlap.
    pub(crate) fn saw(&mut self, id: &str, n: Option<u64>, place: Place) {
        match self.newest.get_mut(id) {
            None => drop(self.newest.insert(id.to_owned(), place)),
            Some(newest) if is_later(*newest, place) => {
                self.older.count += 1;
                if self.older.first.len() < NAMED {
                    self.older.first.push(OlderState { id: id.to_owned(), n, place, before: *newest });
                }
            }
            Some(newest) => *newest = place,
        }
    }

    /// The store answered after this time, or not at all. Call it before what is in the answer counts as seen.
    pub(crate) fn answered(&mut self, after: Option<Duration>) {
        if after.is_none_or(|after| after > AWAY) {
            self.newest.clear();
        }
    }

    /// What was older.
    pub(crate) fn finish(self) -> OlderStates {
        self.older
    }
}

impl OlderState {
    /// What was seen, in a sentence.
    pub(crate) fn text(&self) -> String {
        let at = |place: &Place| format!("partition {}, offset {}", place.partition, place.offset);
        format!("{} was seen at {} after it was seen at {}", self.id, at(&self.place), at(&self.before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_goes_back_is_counted_each_time_and_named_by_its_key() {
        let at = |offset| Place { partition: 1, offset, timestamp_ms: 5 };
        let mut seen = StatesSeen::default();
        for (id, offset) in [("a", 3), ("b", 9), ("a", 3), ("a", 7), ("b", 9), ("a", 4), ("a", 7), ("a", 6), ("b", 10)]
        {
            seen.saw(id, Some(offset as u64), at(offset));
        }
        let older = seen.finish();
        assert_eq!((older.count, older.first.len(), older.first[0].n), (2, 2, Some(4)));
        let text = "a was seen at partition 1, offset 4 after it was seen at partition 1, offset 7";
        assert_eq!(older.first[0].text(), text);
    }

    #[test]
    fn a_store_that_was_away_may_have_lost_what_it_showed() {
        let at = |offset| Place { partition: 1, offset, timestamp_ms: 5 };
        for (after, count) in [(Some(AWAY), 1), (Some(2 * AWAY), 0), (None, 0)] {
            let mut seen = StatesSeen::default();
            seen.saw("a", None, at(7));
            seen.answered(after);
            seen.saw("a", None, at(6));
            assert_eq!(seen.finish().count, count, "{after:?}");
        }
    }
}
