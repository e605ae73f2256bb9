//! Which dead letters are meant. Pure.

use std::collections::{HashMap, HashSet};
use std::fmt;

use contract::dead_letter::Reason;
use contract::{DeadLetter, RecordId};

use super::archive::Archived;
use super::filter::Filter;

/// Picks the dead letters of one topic that a filter names, each once.
pub(super) struct Selection<'a> {
    topic: &'a str,
    filter: Filter,
    /// A kill may write a dead letter twice; partition and offset identify such copies. The id is included because a
    /// recreated topic reuses offsets.
    seen: HashSet<(i32, i64, RecordId)>,
    of_other_topics: u64,
}

impl<'a> Selection<'a> {
    pub(super) fn new(topic: &'a str, filter: Filter) -> Self {
        Self { topic, filter, seen: HashSet::new(), of_other_topics: 0 }
    }

    /// Whether this one is meant, and is not a copy of an earlier one.
    pub(super) fn admits(&mut self, letter: &DeadLetter) -> bool {
        if letter.topic != self.topic {
            self.of_other_topics += 1;
            return false;
        }
        let Filter { reason, ids } = &self.filter;
        reason.is_none_or(|reason| letter.reason == reason)
            && (ids.is_empty() || ids.contains(&letter.id))
            && self.seen.insert((letter.partition, letter.offset, letter.id.clone()))
    }

    /// How many were left out because they came from another topic.
    pub(super) fn of_other_topics(&self) -> u64 {
        self.of_other_topics
    }
}

/// The latest attempt of each record that was sent back. Without it, each replay of a record that still cannot be
/// stored would send all its dead letters, and their number would double every time.
#[derive(Default)]
pub(super) struct LatestAttempts {
    /// Only records that were ever sent back: by their ids, and by the places where they stood first, because records
    /// of one order share their id. Older letters do not say where.
    attempts: HashMap<(RecordId, Option<(i32, i64)>), u32>,
}

impl LatestAttempts {
    pub(super) fn note(&mut self, archived: &Archived) {
        let Archived { letter, replay_attempts, origin, .. } = archived;
        if *replay_attempts > 0 {
            let first_place = origin.map(|place| (place.partition, place.offset));
            let latest = self.attempts.entry((letter.id.clone(), first_place)).or_default();
            *latest = (*replay_attempts).max(*latest);
        }
    }

    /// Whether no later attempt of the same record was dead-lettered.
    pub(super) fn is_of(&self, archived: &Archived) -> bool {
        let first_place = archived.first_place();
        let places = [Some((first_place.partition, first_place.offset)), None];
        let attempts = places.iter().filter_map(|place| self.attempts.get(&(archived.letter.id.clone(), *place)));
        attempts.max().is_none_or(|latest| archived.replay_attempts == *latest)
    }
}

/// Dead letters by reason.
#[derive(Default)]
pub(super) struct Totals {
    by_reason: [usize; Reason::ALL.len()],
}

impl Totals {
    pub(super) fn add(&mut self, reason: Reason) {
        for (count, _) in self.by_reason.iter_mut().zip(Reason::ALL).filter(|(_, counted)| *counted == reason) {
            *count += 1;
        }
    }

    pub(super) fn all(&self) -> usize {
        self.by_reason.iter().sum()
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dead letters: {}", self.all())?;
        for (count, reason) in self.by_reason.iter().zip(Reason::ALL).filter(|(count, _)| **count > 0) {
            write!(f, ", {} {count}", reason.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use contract::dead_letter::LeftOut;
    use contract::{Place, PostId};

    use super::*;

    fn letter(offset: i64, reason: Reason, id: impl Into<RecordId>) -> DeadLetter {
        DeadLetter { topic: "post".to_owned(), partition: 0, offset, reason, message: String::new(), id: id.into() }
    }

    /// The letter of a record of this id, which is at this offset now and may have been at another one first.
    fn archived(id: impl Into<RecordId>, offset: i64, replay_attempts: u32, first: Option<i64>) -> Archived {
        Archived {
            letter: letter(offset, Reason::Refused, id),
            left_out: LeftOut::default(),
            position: (0, 0),
            timestamp_ms: 0,
            is_own_time: true,
            replay_attempts,
            origin: first.map(|offset| Place { partition: 0, offset, timestamp_ms: 0 }),
            key: None,
            value: None,
        }
    }

    #[test]
    fn each_is_picked_once_and_only_if_it_is_meant() {
        let (one, two) = (PostId::fresh(), PostId::fresh());
        let filter = Filter { reason: Some(Reason::Conflict), ids: vec![one.into()] };
        let mut selection = Selection::new("post", filter);
        assert!(selection.admits(&letter(1, Reason::Conflict, one)));
        assert!(!selection.admits(&letter(1, Reason::Conflict, one)), "a copy");
        assert!(selection.admits(&letter(2, Reason::Conflict, one)));
        assert!(!selection.admits(&letter(3, Reason::Refused, one)));
        assert!(!selection.admits(&letter(4, Reason::Conflict, two)));
        assert!(!selection.admits(&DeadLetter { topic: "order".to_owned(), ..letter(5, Reason::Conflict, one) }));
        assert_eq!(selection.of_other_topics(), 1);
    }

    #[test]
    fn a_recreated_topic_has_other_records_at_the_same_offsets() {
        let mut selection = Selection::new("post", Filter::default());
        assert!(selection.admits(&letter(1, Reason::Invalid, PostId::fresh())));
        assert!(selection.admits(&letter(1, Reason::Invalid, PostId::fresh())));
    }

    #[test]
    fn only_the_latest_attempt_counts() {
        let (replayed, other) = (PostId::fresh(), PostId::fresh());
        let mut latest = LatestAttempts::default();
        let attempt = |n: u32| archived(replayed, 4 + i64::from(n), n, (n > 0).then_some(4));
        [attempt(0), archived(other, 1, 0, None), attempt(2), attempt(1)].iter().for_each(|letter| latest.note(letter));
        assert_eq!([0, 1, 2].map(|n| latest.is_of(&attempt(n))), [false, false, true]);
        assert!(latest.is_of(&archived(other, 1, 0, None)));
    }

    #[test]
    fn records_of_one_order_have_attempts_of_their_own() {
        let order = || RecordId::from_text("A-17");
        let (first, second) = (archived(order(), 4, 0, None), archived(order(), 9, 0, None));
        let again = archived(order(), 12, 1, Some(4));
        let mut latest = LatestAttempts::default();
        [&first, &second, &again].into_iter().for_each(|letter| latest.note(letter));
        assert_eq!([&first, &second, &again].map(|letter| latest.is_of(letter)), [false, true, true]);
    }

    #[test]
    fn a_letter_that_does_not_say_where_it_stood_first_counts_for_its_id() {
        let id = PostId::fresh();
        let letters = [archived(id, 4, 0, None), archived(id, 9, 1, None), archived(id, 12, 2, Some(9))];
        let mut latest = LatestAttempts::default();
        letters[..2].iter().for_each(|letter| latest.note(letter));
        assert_eq!(letters[..2].iter().map(|letter| latest.is_of(letter)).collect::<Vec<_>>(), [false, true]);
        latest.note(&letters[2]);
        assert_eq!(letters.iter().map(|letter| latest.is_of(letter)).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn totals_name_the_reasons_that_occur() {
        let mut totals = Totals::default();
        assert_eq!(totals.to_string(), "dead letters: 0");
        [Reason::Refused, Reason::Invalid, Reason::Refused].into_iter().for_each(|reason| totals.add(reason));
        assert_eq!(totals.to_string(), "dead letters: 3, invalid 1, refused 2");
    }
}
