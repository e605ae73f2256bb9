//! The states of each key, as the records of the topic come in. Pure.

use std::collections::HashMap;

use contract::Place;

use crate::ledger::order::OrderKey;

/// All keys of which there is a record.
#[derive(Debug, Default)]
pub(super) struct KeyStates {
    by_key: HashMap<OrderKey, KeyState>,
}

#[derive(Debug, Default)]
struct KeyState {
    /// The record that was sent last of those read so far, with its partition.
    newest: Option<(i32, u64)>,
    /// A copy that follows it although it was sent earlier in the same request: the copy of the newest must follow.
    late_copy: Option<u64>,
    last: Option<LastRecord>,
    is_found: bool,
}

/// The last record of a key that can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastRecord {
    pub(super) n: u64,
    pub(super) place: Place,
}

/// Where a record was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Appended {
    InOrder,
    /// After this one, which was sent later.
    Late(u64),
    /// In another partition than this one.
    Elsewhere(u64),
}

/// What a key has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndedKey {
    /// Whether any of its records can be stored, and whether it has a document.
    pub(super) is_storable: bool,
    pub(super) is_found: bool,
    /// Its last record, if it has no document.
    pub(super) not_stored: Option<u64>,
    /// A copy that stands last, and the record that was sent later.
    pub(super) late_copy: Option<(u64, u64)>,
}

/// Whether a record at one place comes after a record at another: by their offsets, or in different partitions by
/// their times.
pub(crate) fn is_later(one: Place, other: Place) -> bool {
    if one.partition == other.partition { one.offset > other.offset } else { one.timestamp_ms > other.timestamp_ms }
}

impl KeyStates {
    /// Record `n` is the next one of its partition. A key stays in the partition of its first record that was read: the
    /// order between partitions is not known.
    pub(super) fn append(
        &mut self,
        key: OrderKey,
        n: u64,
        partition: i32,
        is_copy: bool,
        are_in_one_request: impl Fn(u64, u64) -> bool,
    ) -> Appended {
        let state = self.by_key.entry(key).or_default();
        match state.newest {
            Some((at, newest)) if at != partition => return Appended::Elsewhere(newest),
            Some((_, newest)) if newest > n => {
                if !is_copy || !are_in_one_request(n, newest) {
                    return Appended::Late(newest);
                }
                state.late_copy = Some(n);
            }
            _ => {
                state.newest = Some((partition, n));
                state.late_copy = None;
            }
        }
        Appended::InOrder
    }

    /// Record `n`, which stands first at this place, can be stored.
    pub(super) fn storable(&mut self, key: OrderKey, n: u64, place: Place) {
        let last = &mut self.by_key.entry(key).or_default().last;
        if last.is_none_or(|last| is_later(place, last.place)) {
            *last = Some(LastRecord { n, place });
        }
    }

    /// There is a document of this key. Returns the record that it must be.
    pub(super) fn found(&mut self, key: OrderKey) -> Option<LastRecord> {
        let state = self.by_key.get_mut(&key)?;
        state.is_found = state.last.is_some();
        state.last
    }

    /// What all keys have come to.
    pub(super) fn end(self) -> impl Iterator<Item = (OrderKey, EndedKey)> {
        self.by_key.into_iter().map(|(key, KeyState { newest, late_copy, last, is_found })| {
            let late_copy = late_copy.zip(newest).map(|(copy, (_, newest))| (copy, newest));
            let not_stored = last.filter(|_| !is_found).map(|last| last.n);
            (key, EndedKey { is_storable: last.is_some(), is_found, not_stored, late_copy })
        })
    }
}
