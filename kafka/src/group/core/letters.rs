//! The dead letters that are not acknowledged yet. Pure.
//!
//! A letter is sent whole and as old as its record, until the topic says what it does not take: a large one is sent
//! without its value, and then without its key and headers as well, an old one with a new timestamp, and one without a
//! key under the record's id, so that no record holds up those behind it forever.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use contract::dead_letter::Form;
use service::Backoff;

use super::jitter::jitter;
use super::received::Received;

/// Letters sent at the same time. They come one by one as a rule, and hundreds when every record is bad.
const MAX_IN_FLIGHT: usize = 32;

/// A record for the dead-letter topic; the answer names the letter's number.
#[derive(Debug)]
pub struct Letter<R> {
    /// Its number.
    pub number: u64,
    /// How it is sent.
    pub shape: Shape,
    /// The record.
    pub record: Received<R>,
}

/// How a letter is sent, which the topic may make it change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// How much of the record it carries.
    pub form: Form,
    /// It has a new timestamp instead of the record's.
    pub has_new_timestamp: bool,
    /// Without a key of the record's, its key is the record's id.
    pub has_id_as_key: bool,
}

impl Shape {
    /// The shape to try at once after this error, if another one helps.
    pub fn after(self, error: &LetterError) -> Option<Self> {
        match error {
            LetterError::TooLarge => self.form.smaller().map(|form| Self { form, ..self }),
            LetterError::TooOld => (!self.has_new_timestamp).then_some(Self { has_new_timestamp: true, ..self }),
            LetterError::NeedsKey => (!self.has_id_as_key).then_some(Self { has_id_as_key: true, ..self }),
            LetterError::Later(_) => None,
        }
    }
}

/// Why a dead letter was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterError {
    /// The topic takes no record of this size.
    TooLarge,
    /// The topic takes no record with this timestamp.
    TooOld,
    /// The topic takes no record without a key.
    NeedsKey,
    /// A later try may succeed.
    Later(String),
}

#[derive(Debug)]
pub(super) struct Letters<R> {
    next_number: u64,
    /// In the order in which they were given.
    ready: VecDeque<(Letter<R>, Backoff)>,
    in_flight: BTreeMap<u64, Backoff>,
    waiting: BTreeMap<(Instant, u64), (Letter<R>, Backoff)>,
}

impl<R> Letters<R> {
    pub(super) fn new() -> Self {
        Self { next_number: 0, ready: VecDeque::new(), in_flight: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    /// Adds a record to dead-letter.
    pub(super) fn add(&mut self, record: Received<R>) {
        let letter = Letter { number: self.next_number, shape: Shape::default(), record };
        self.next_number += 1;
        self.ready.push_back((letter, Backoff::for_servers()));
    }

    /// The letter to send now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Letter<R>> {
        if self.in_flight.len() >= MAX_IN_FLIGHT {
            return None;
        }
        let is_due = self.waiting.first_key_value().is_some_and(|((due, _), _)| *due <= now);
        let (letter, backoff) =
            if is_due { self.waiting.pop_first().map(|(_, waiting)| waiting)? } else { self.ready.pop_front()? };
        self.in_flight.insert(letter.number, backoff);
        Some(letter)
    }

    /// When [`Self::next`] will have one, if time alone brings it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let next = self.waiting.first_key_value().map(|((due, _), _)| *due);
        next.filter(|_| self.in_flight.len() < MAX_IN_FLIGHT)
    }

    /// The letter is not acknowledged.
    pub(super) fn failed(&mut self, mut letter: Letter<R>, error: &LetterError, now: Instant) {
        let mut backoff = self.in_flight.remove(&letter.number).unwrap_or_else(Backoff::for_servers);
        if let Some(shape) = letter.shape.after(error) {
            letter.shape = shape;
            self.ready.push_front((letter, backoff));
        } else {
            let due = now + backoff.next(jitter(letter.number, 0));
            self.waiting.insert((due, letter.number), (letter, backoff));
        }
    }

    /// The letter is acknowledged, or nobody waits for it anymore.
    pub(super) fn ended(&mut self, number: u64) {
        self.in_flight.remove(&number);
    }

    /// Drops what is not on its way of these partitions, and returns it with its numbers.
    pub(super) fn drop_waiting(&mut self, is_dropped: impl Fn(&Received<R>) -> bool) -> Vec<Letter<R>> {
        let mut dropped = Vec::new();
        for (letter, backoff) in std::mem::take(&mut self.ready) {
            if is_dropped(&letter.record) {
                dropped.push(letter);
            } else {
                self.ready.push_back((letter, backoff));
            }
        }
        for (key, (letter, backoff)) in std::mem::take(&mut self.waiting) {
            if is_dropped(&letter.record) {
                dropped.push(letter);
            } else {
                self.waiting.insert(key, (letter, backoff));
            }
        }
        dropped
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.in_flight.is_empty() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::core::tests::received;

    #[test]
    fn a_letter_that_is_too_large_goes_without_its_value_and_then_without_its_record() {
        let now = Instant::now();
        let mut letters = Letters::new();
        letters.add(received(0, 0, 1));
        let mut forms = Vec::new();
        for _ in 0..3 {
            let letter = letters.next(now).unwrap();
            forms.push(letter.shape.form);
            letters.failed(letter, &LetterError::TooLarge, now);
        }
        assert_eq!(forms, [Form::Whole, Form::WithoutValue, Form::WithoutRecord]);
        assert!(letters.next(now).is_none(), "there is no smaller form, so it waits");
        let again = letters.next(letters.deadline().unwrap()).unwrap();
        assert_eq!(again.shape.form, Form::WithoutRecord);
        letters.ended(again.number);
        assert!(letters.is_empty());
    }

    #[test]
    fn a_letter_that_its_topic_does_not_take_is_sent_with_a_new_timestamp_and_under_its_id_at_once() {
        let now = Instant::now();
        let mut letters = Letters::new();
        letters.add(received(0, 0, 1));
        let mut shapes = Vec::new();
        for error in [LetterError::TooOld, LetterError::TooLarge, LetterError::NeedsKey] {
            let letter = letters.next(now).unwrap();
            letters.failed(letter, &error, now);
            let Shape { form, has_new_timestamp, has_id_as_key } = letters.ready[0].0.shape;
            shapes.push((form, has_new_timestamp, has_id_as_key));
        }
        let form = Form::WithoutValue;
        assert_eq!(shapes, [(Form::Whole, true, false), (form, true, false), (form, true, true)]);
        let letter = letters.next(now).unwrap();
        letters.failed(letter, &LetterError::NeedsKey, now);
        assert!(letters.next(now).is_none(), "nothing is left to change, so it waits");
    }

    #[test]
    fn a_letter_that_fails_waits_and_others_continue() {
        let now = Instant::now();
        let mut letters = Letters::new();
        (0..2).for_each(|offset| letters.add(received(0, offset, 1)));
        let first = letters.next(now).unwrap();
        letters.failed(first, &LetterError::Later("no leader".to_owned()), now);
        assert_eq!(letters.next(now).unwrap().record.ticket.offset, 1);
        assert!(letters.next(now).is_none());
        assert_eq!(letters.next(letters.deadline().unwrap()).unwrap().shape, Shape::default());
    }

    #[test]
    fn a_limited_number_is_on_its_way() {
        let now = Instant::now();
        let mut letters = Letters::new();
        (0..100).for_each(|offset| letters.add(received(0, offset, 1)));
        let sent = std::iter::from_fn(|| letters.next(now)).count();
        assert_eq!(sent, MAX_IN_FLIGHT);
        letters.ended(0);
        assert!(letters.next(now).is_some());
    }
}
