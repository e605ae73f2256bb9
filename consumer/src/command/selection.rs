//! Which dead letters are meant. Pure.

use std::collections::{HashMap, HashSet};
use std::fmt;

use contract::dead_letter::Reason;
use contract::{DeadLetter, PostId};

use super::filter::Filter;

/// Picks the dead letters of one topic that a filter names, each once.
pub(super) struct Selection<'a> {
    topic: &'a str,
    filter: Filter,
    /// A kill may write a dead letter twice; partition and offset identify such copies. The id is included because a
    /// recreated topic reuses offsets.
    seen: HashSet<(i32, i64, PostId)>,
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
            && self.seen.insert((letter.partition, letter.offset, letter.id))
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
    /// Only records that were ever sent back.
    attempts: HashMap<PostId, u32>,
}

impl LatestAttempts {
    pub(super) fn note(&mut self, id: PostId, attempts: u32) {
        if attempts > 0 {
            let latest = self.attempts.entry(id).or_default();
            *latest = attempts.max(*latest);
        }
    }

    /// Whether no later attempt of the same record was dead-lettered.
    pub(super) fn are(&self, id: PostId, attempts: u32) -> bool {
        self.attempts.get(&id).is_none_or(|latest| attempts == *latest)
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
    use super::*;

    fn letter(offset: i64, reason: Reason, id: PostId) -> DeadLetter {
        DeadLetter { topic: "post".to_owned(), partition: 0, offset, reason, message: String::new(), id }
    }

    #[test]
    fn each_is_picked_once_and_only_if_it_is_meant() {
        let (one, two) = (PostId::fresh(), PostId::fresh());
        let filter = Filter { reason: Some(Reason::Conflict), ids: vec![one] };
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
        [(replayed, 0), (other, 0), (replayed, 2), (replayed, 1)].into_iter().for_each(|(id, n)| latest.note(id, n));
        assert_eq!([0, 1, 2].map(|attempts| latest.are(replayed, attempts)), [false, false, true]);
        assert!(latest.are(other, 0));
    }

    #[test]
    fn totals_name_the_reasons_that_occur() {
        let mut totals = Totals::default();
        assert_eq!(totals.to_string(), "dead letters: 0");
        [Reason::Refused, Reason::Invalid, Reason::Refused].into_iter().for_each(|reason| totals.add(reason));
        assert_eq!(totals.to_string(), "dead letters: 3, invalid 1, refused 2");
    }
}
