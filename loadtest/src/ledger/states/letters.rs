//! The dead letters of a run, compared with the records that they are of. Pure.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use contract::RecordId;
use contract::dead_letter::LeftOut;

use super::records::TopicRecord;

/// A dead letter as it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateLetter<'a> {
    /// Where its record stands.
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) id: &'a RecordId,
    pub(crate) left_out: LeftOut,
    /// The record's own time in ms since 1970, where a header has it.
    pub(crate) time_ms: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

/// All dead letters of the run. A consumer that was killed may have written several of a record.
#[derive(Debug, Default)]
pub(super) struct StateLetters {
    by_place: HashMap<(i32, i64), Vec<KeptLetter>>,
    hasher: RandomState,
}

/// What is kept of a dead letter.
#[derive(Debug)]
struct KeptLetter {
    id: RecordId,
    left_out: LeftOut,
    time_ms: Option<i64>,
    /// Hashes.
    key: Option<u64>,
    value: Option<u64>,
}

impl StateLetters {
    pub(super) fn add(&mut self, letter: &StateLetter<'_>) {
        let StateLetter { partition, offset, id, left_out, time_ms, key, value } = *letter;
        let (key, value) = (self.hash(key), self.hash(value));
        let kept = KeptLetter { id: id.clone(), left_out, time_ms, key, value };
        self.by_place.entry((partition, offset)).or_default().push(kept);
    }

    /// What differs in the dead letters of a record; `None` if it has none.
    pub(super) fn of(&self, record: &TopicRecord<'_>) -> Option<Option<String>> {
        let letters = self.by_place.get(&(record.place.partition, record.place.offset))?;
        Some(letters.iter().find_map(|letter| self.differs(letter, record)))
    }

    fn differs(&self, letter: &KeptLetter, record: &TopicRecord<'_>) -> Option<String> {
        let form = letter.left_out.form;
        let id = record.key.map(|key| RecordId::from_text(&String::from_utf8_lossy(key)));
        let is_key = match record.key.filter(|_| form.has_key()) {
            Some(key) => letter.key == self.hash(Some(key)),
            // A compacted topic takes no record without a key: there the id takes its place.
            None => letter.key.is_none() || letter.key == self.hash(Some(letter.id.to_string().as_bytes())),
        };
        let is_value = letter.value == self.hash(record.value.filter(|_| form.has_value()));
        let differing = [
            (id.is_some_and(|id| id != letter.id), "id"),
            (letter.time_ms.is_some_and(|time| time != record.place.timestamp_ms), "time"),
            (!is_key, "key"),
            (!is_value || letter.left_out != LeftOut::new(form, record.value), "value"),
        ];
        let differing: Vec<&str> = differing.iter().filter_map(|(differs, what)| differs.then_some(*what)).collect();
        (!differing.is_empty()).then(|| format!("{} in the dead letter", differing.join(", ")))
    }

    fn hash(&self, bytes: Option<&[u8]>) -> Option<u64> {
        bytes.map(|bytes| self.hasher.hash_one(bytes))
    }
}

#[cfg(test)]
mod tests {
    use contract::Place;
    use contract::dead_letter::Form;

    use super::*;

    const PLACE: Place = Place { partition: 3, offset: 17, timestamp_ms: 1_000 };

    type Change = fn(&mut StateLetter<'static>);

    fn judged(form: Form, changes: &[Change]) -> Option<Option<String>> {
        let (key, value): (&[u8], &[u8]) = (b"A-1", b"{}");
        let record = TopicRecord { place: PLACE, origin: None, key: Some(key), value: Some(value) };
        let letter = StateLetter {
            partition: PLACE.partition,
            offset: PLACE.offset,
            id: Box::leak(Box::new(RecordId::from_text("A-1"))),
            left_out: LeftOut::new(form, Some(value)),
            time_ms: Some(PLACE.timestamp_ms),
            key: Some(key).filter(|_| form.has_key()),
            value: Some(value).filter(|_| form.has_value()),
        };
        let mut letters = StateLetters::default();
        for change in changes {
            let mut letter = letter;
            change(&mut letter);
            letters.add(&letter);
        }
        letters.of(&record)
    }

    #[test]
    fn a_letter_of_any_form_is_as_sent_until_something_changes() {
        for form in Form::ALL {
            assert_eq!(judged(form, &[]), None);
            assert_eq!(judged(form, &[|_| {}, |letter| letter.time_ms = None]), Some(None), "{form:?}");
            assert_eq!(judged(form, &[|letter| letter.offset += 1]), None, "of another record");
            let changes: [(&str, Change); 5] = [
                ("id", |letter| letter.id = Box::leak(Box::new(RecordId::from_text("A-2")))),
                ("time", |letter| letter.time_ms = Some(999)),
                ("key", |letter| letter.key = Some(b"A-2")),
                ("value", |letter| letter.value = Some(b"{} ")),
                ("value", |letter| letter.left_out.value_bytes = Some(7)),
            ];
            for (what, change) in changes {
                let differs = Some(Some(format!("{what} in the dead letter")));
                assert_eq!(judged(form, &[change]), differs, "{form:?}");
                assert_eq!(judged(form, &[|_| {}, change]), differs, "each of several counts");
            }
        }
    }
}
