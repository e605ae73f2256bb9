//! The dead letters that are not acknowledged yet. Pure.
//!
//! A letter is sent whole, until the topic says that it is too large: then without its value, and then without its key
//! and headers as well, so that no record holds up those behind it forever.

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
    /// How much of the record it carries.
    pub form: Form,
    /// The record.
    pub record: Received<R>,
}

/// Why a dead letter was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterError {
    /// The topic takes no record of this size.
    TooLarge,
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
        let letter = Letter { number: self.next_number, form: Form::Whole, record };
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
        let smaller = letter.form.smaller().filter(|_| *error == LetterError::TooLarge);
        if let Some(form) = smaller {
            letter.form = form;
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
            forms.push(letter.form);
            letters.failed(letter, &LetterError::TooLarge, now);
        }
        assert_eq!(forms, [Form::Whole, Form::WithoutValue, Form::WithoutRecord]);
        assert!(letters.next(now).is_none(), "there is no smaller form, so it waits");
        let again = letters.next(letters.deadline().unwrap()).unwrap();
        assert_eq!(again.form, Form::WithoutRecord);
        letters.ended(again.number);
        assert!(letters.is_empty());
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
        assert_eq!(letters.next(letters.deadline().unwrap()).unwrap().form, Form::Whole);
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
