//! The latest state of each key in a batch. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::store::guard::{Replacement, is_later};

/// The latest state of one key.
#[derive(Debug)]
pub(super) struct Latest<'a> {
    /// Its position in the batch.
    pub(super) position: usize,
    pub(super) replacement: Replacement<'a>,
    /// The positions of the other states of this key.
    pub(super) earlier: Vec<usize>,
}

/// The latest of these states for each key. A record that was sent back stands where it stood first, so the latest one
/// may be anywhere in the batch.
pub(super) fn latest<'a>(states: impl Iterator<Item = (usize, Replacement<'a>)>) -> Vec<Latest<'a>> {
    let (mut latest, mut by_key): (Vec<Latest<'_>>, HashMap<&str, usize>) = Default::default();
    for (position, replacement) in states {
        match by_key.entry(replacement.key) {
            Entry::Vacant(entry) => {
                entry.insert(latest.len());
                latest.push(Latest { position, replacement, earlier: Vec::new() });
            }
            Entry::Occupied(entry) => {
                let known = &mut latest[*entry.get()];
                let mut earlier = position;
                if is_later(replacement.place, known.replacement.place) {
                    earlier = std::mem::replace(&mut known.position, position);
                    known.replacement = replacement;
                }
                known.earlier.push(earlier);
            }
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};
    use contract::Place;
    use proptest::prelude::*;

    use super::*;

    fn documents(keys: &[u8]) -> Vec<RawDocumentBuf> {
        keys.iter().map(|key| rawdoc! { "_id": key.to_string() }).collect()
    }

    fn at(partition: i32, offset: i64) -> Place {
        Place { partition, offset, timestamp_ms: 0 }
    }

    #[test]
    fn a_record_that_was_sent_back_is_not_the_latest() {
        let documents = documents(&[1, 1, 2, 1]);
        let places = [at(0, 7), at(0, 8), at(0, 9), at(0, 3)];
        let states = documents.iter().zip(places).map(|(document, place)| Replacement::new(place, document));
        let latest = latest(states.enumerate());
        let seen: Vec<_> = latest.iter().map(|state| (state.position, state.earlier.as_slice())).collect();
        assert_eq!(seen, [(1, &[0, 3][..]), (2, &[])]);
    }

    proptest! {
        #[test]
        fn each_record_is_the_latest_or_stood_for_by_a_later_one_of_its_key(
            records in prop::collection::vec((0_u8..5, 0_i64..50), 0..40)
        ) {
            let documents = documents(&records.iter().map(|(key, _)| *key).collect::<Vec<_>>());
            let states = || {
                let states = documents.iter().zip(&records);
                states.map(|(document, (_, offset))| Replacement::new(at(0, *offset), document)).enumerate()
            };
            let latest = latest(states());
            let mut seen: Vec<usize> = Vec::new();
            for state in &latest {
                let (key, offset) = records[state.position];
                seen.push(state.position);
                for earlier in &state.earlier {
                    prop_assert!(records[*earlier].0 == key && records[*earlier].1 <= offset);
                    seen.push(*earlier);
                }
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..records.len()).collect::<Vec<_>>());
            let keys = latest.iter().map(|state| state.replacement.key).collect::<std::collections::BTreeSet<_>>();
            prop_assert_eq!(keys.len(), latest.len());
        }
    }
}
