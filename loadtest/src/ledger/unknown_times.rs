//! When requests were under way of which nobody knows what became. Pure.
//!
//! An idempotent producer writes a record twice only while it gives up another one: it then sends what is in flight
//! again under a higher epoch of its id, and the broker cannot recognize it. What it gives up is an unknown one.

use std::collections::BTreeMap;

/// How long after the end of an unknown request, in ms, a producer may still give up its record: its client may have
/// gone first. Longer than `PRODUCER_TIMEOUT`, which is 5 s unless it is set.
const GIVEN_UP_MS: i64 = 30_000;

const SECOND_MS: i64 = 1_000;

/// The times of all unknown requests.
#[derive(Debug, Default)]
pub(crate) struct UnknownTimes {
    /// By the second in which posts were sent, when the last of them ended; in s and in ms since 1970.
    ended_ms: BTreeMap<i64, i64>,
}

impl UnknownTimes {
    /// A post with an unknown request was sent at this time, and ended at that one; both in ms since 1970.
    pub(crate) fn note(&mut self, sent_ms: i64, ended_ms: i64) {
        self.note_second(sent_ms.div_euclid(SECOND_MS), ended_ms);
    }

    fn note_second(&mut self, second: i64, ended_ms: i64) {
        let last = self.ended_ms.entry(second).or_insert(ended_ms);
        *last = ended_ms.max(*last);
    }

    /// Whether a producer may have given up an unknown record within this time, in ms since 1970.
    pub(crate) fn may_be_given_up(&self, from_ms: i64, until_ms: i64) -> bool {
        let began = self.ended_ms.range(..=until_ms.div_euclid(SECOND_MS)).rev();
        began.into_iter().any(|(_, ended_ms)| ended_ms.saturating_add(GIVEN_UP_MS) >= from_ms)
    }

    /// Adds the times of other posts.
    pub(crate) fn merge(&mut self, other: &UnknownTimes) {
        other.ended_ms.iter().for_each(|(second, ended_ms)| self.note_second(*second, *ended_ms));
    }

    /// Two words for each second.
    pub(crate) fn as_words(&self) -> Vec<u64> {
        self.ended_ms
            .iter()
            .flat_map(|(second, ended_ms)| [second, ended_ms])
            .map(|time| time.cast_unsigned())
            .collect()
    }

    /// What [`Self::as_words`] wrote.
    pub(crate) fn from_words(words: &[u64]) -> Self {
        let (pairs, _) = words.as_chunks::<2>();
        Self { ended_ms: pairs.iter().map(|pair| (pair[0].cast_signed(), pair[1].cast_signed())).collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Some day in 2026.
    const DAY_MS: i64 = 1_790_000_000_000;

    proptest! {
        #[test]
        fn a_record_is_near_an_unknown_request_or_it_is_not(
            requests in proptest::collection::vec((0_i64..200_000, 0_i64..10_000), 0..5),
            from in 0_i64..300_000,
            took in 0_i64..2_000,
            shares in 1_usize..3,
        ) {
            let mut parts: Vec<UnknownTimes> = (0..shares).map(|_| UnknownTimes::default()).collect();
            for (index, (sent, took)) in requests.iter().enumerate() {
                parts[index % shares].note(DAY_MS + sent, DAY_MS + sent + took);
            }
            let mut times = UnknownTimes::default();
            parts.iter().for_each(|part| times.merge(&UnknownTimes::from_words(&part.as_words())));
            let until = from + took;
            let is_near = |until: i64| {
                requests.iter().any(|(sent, took)| *sent <= until && sent + took + GIVEN_UP_MS >= from)
            };
            let judged = times.may_be_given_up(DAY_MS + from, DAY_MS + until);
            prop_assert!(judged || !is_near(until));
            prop_assert!(!judged || is_near(until + SECOND_MS), "to the second");
        }
    }
}
