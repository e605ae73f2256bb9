//! The dead letters, compared with the records that they are of. A letter is of a record if it names its place, and its
//! id or its time: a topic that was recreated has other records at the same places.

use contract::dead_letter::LeftOut;
use contract::decode::Decoded;
use contract::{DeadLetter, PostId};

use super::differences::of_bytes;
use super::seen::{Place, Seen};
use super::sums::Sums;

/// A dead letter as it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundLetter<'a> {
    /// What its headers say.
    pub(crate) letter: &'a DeadLetter,
    pub(crate) left_out: LeftOut,
    /// The record's own time, where a header has it.
    pub(crate) time_ms: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

/// All dead letters of some topics, about 100 bytes each.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(super) sums: Sums,
    /// By place, once it is complete.
    letters: Vec<LetterSum>,
    /// Records of the dead-letter topics that are not dead letters by their headers.
    pub(crate) unreadable: u64,
}

/// What is kept of a dead letter.
#[derive(Debug)]
struct LetterSum {
    place: Place,
    /// `None` if it is not that of a post.
    id: Option<PostId>,
    time_ms: Option<i64>,
    left_out: LeftOut,
    key: Option<u64>,
    value: Option<u64>,
}

impl Letters {
    /// Adds a letter of a record of this topic.
    pub(crate) fn add(&mut self, topic: u16, found: FoundLetter<'_>) {
        let FoundLetter { letter, left_out, time_ms, key, value } = found;
        self.letters.push(LetterSum {
            place: Place { topic, partition: letter.partition, offset: letter.offset },
            id: letter.id.post_id(),
            time_ms,
            left_out,
            key: self.sums.of_bytes(key),
            value: self.sums.of_bytes(value),
        });
    }

    /// Ends adding, so that letters can be looked up.
    pub(crate) fn complete(mut self) -> Self {
        self.letters.sort_unstable_by_key(|letter| letter.place);
        self
    }

    /// What the letters say of this record: a consumer that was killed may have written several, all of them alike.
    pub(super) fn seen(&self, place: Place, record: &Decoded) -> Seen {
        let start = self.letters.partition_point(|letter| letter.place < place);
        let at_place = self.letters[start..].iter().take_while(|letter| letter.place == place);
        let of_record = at_place.filter(|letter| is_of(letter.id, letter.time_ms, record));
        let seen = of_record.map(|letter| if self.is_as_sent(letter, record) { Seen::AsSent } else { Seen::Otherwise });
        seen.max().unwrap_or(Seen::Nothing)
    }

    fn is_as_sent(&self, letter: &LetterSum, record: &Decoded) -> bool {
        let fetched = &record.fetched;
        let left_out = LeftOut::new(letter.left_out.form, fetched.value.as_deref());
        let value = fetched.value.as_deref().filter(|_| left_out.form.has_value());
        let is_key = match fetched.key.as_deref().filter(|_| left_out.form.has_key()) {
            Some(key) => letter.key == self.sums.of_bytes(Some(key)),
            // A compacted topic takes no record without a key: there the id takes its place.
            None => letter.key.is_none() || letter.key == self.sums.of_bytes(Some(&record.id.to_key())),
        };
        let is_time = letter.time_ms.is_none_or(|time| time == fetched.timestamp_ms);
        let is_value = letter.left_out == left_out && letter.value == self.sums.of_bytes(value);
        letter.id == record.id.post_id() && is_time && is_key && is_value
    }
}

impl FoundLetter<'_> {
    /// Whether it is of this record, which is at the place that it names.
    pub(crate) fn is_of(&self, record: &Decoded) -> bool {
        is_of(self.letter.id.post_id(), self.time_ms, record)
    }

    /// What differs between the record and this letter of it, in a line for each part.
    pub(crate) fn differences(&self, record: &Decoded) -> Vec<String> {
        let (fetched, form) = (&record.fetched, self.left_out.form);
        let mut lines = Vec::new();
        let mut differs = |name: &str, sent: String, there: String| {
            if sent != there {
                lines.push(format!("{name}: sent {sent}, dead-lettered {there}"));
            }
        };
        differs("id", record.id.to_string(), self.letter.id.to_string());
        let time = fetched.timestamp_ms;
        differs("time in ms", time.to_string(), self.time_ms.unwrap_or(time).to_string());
        let size = |size: Option<usize>| size.map_or("none".to_owned(), |bytes| bytes.to_string());
        let left_out = LeftOut::new(form, fetched.value.as_deref());
        differs("bytes of the value left out", size(left_out.value_bytes), size(self.left_out.value_bytes));
        let own_key = fetched.key.as_deref().filter(|_| form.has_key());
        if own_key.is_some() || self.key != Some(&record.id.to_key()[..]) {
            lines.extend(of_bytes("key", own_key, self.key));
        }
        lines.extend(of_bytes("value", fetched.value.as_deref().filter(|_| form.has_value()), self.value));
        lines
    }
}

fn is_of(id: Option<PostId>, time_ms: Option<i64>, record: &Decoded) -> bool {
    id == record.id.post_id() || time_ms == Some(record.fetched.timestamp_ms)
}

#[cfg(test)]
mod tests {
    use contract::dead_letter::{Form, Reason};
    use contract::decode::Decoder;
    use contract::{Fetched, Kind};

    use super::*;

    const PLACE: Place = Place { topic: 0, partition: 3, offset: 17 };

    fn record(key: Option<&[u8]>, value: Option<&[u8]>) -> Decoded {
        let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        Decoder::new(Kind::Post, "post").decode(Fetched {
            partition: PLACE.partition,
            offset: PLACE.offset,
            timestamp_ms: 1_000,
            replay_attempts: 0,
            origin: None,
            trace: None,
            key: own(key),
            value: own(value),
        })
    }

    fn letter(record: &Decoded) -> DeadLetter {
        DeadLetter { reason: Reason::Undecodable, ..record.dead_letter("post") }
    }

    /// What a letter, changed by `change`, says of this record.
    fn seen<'a>(of: (&'a Decoded, &'a DeadLetter), form: Form, change: impl FnOnce(&mut FoundLetter<'a>)) -> Seen {
        let (record, letter) = of;
        let fetched = &record.fetched;
        let mut found = FoundLetter {
            letter,
            left_out: LeftOut::new(form, fetched.value.as_deref()),
            time_ms: Some(fetched.timestamp_ms),
            key: fetched.key.as_deref().filter(|_| form.has_key()),
            value: fetched.value.as_deref().filter(|_| form.has_value()),
        };
        change(&mut found);
        let mut letters = Letters::default();
        letters.add(0, found);
        let seen = letters.complete().seen(PLACE, record);
        assert_eq!(found.differences(record).is_empty(), seen == Seen::AsSent, "{found:?}");
        seen
    }

    #[test]
    fn a_letter_of_any_form_is_as_sent_until_something_changes() {
        let id = PostId::fresh().to_key();
        for record in [record(Some(&id), Some(b"[]")), record(None, Some(b"[]")), record(Some(b"42"), None)] {
            let (own_id, other_id) = (record.id.to_key(), PostId::fresh().to_key());
            let letter = letter(&record);
            let of = (&record, &letter);
            for form in Form::ALL {
                assert_eq!(seen(of, form, |_| {}), Seen::AsSent, "{form:?}");
                assert_eq!(seen(of, form, |found| found.time_ms = None), Seen::AsSent, "an older letter");
                assert_eq!(seen(of, form, |found| found.time_ms = Some(999)), Seen::Otherwise);
                assert_eq!(seen(of, form, |found| found.key = Some(&other_id)), Seen::Otherwise);
                assert_eq!(seen(of, form, |found| found.value = Some(b"[] ")), Seen::Otherwise);
                let bytes = LeftOut { form, value_bytes: Some(7) };
                assert_eq!(seen(of, form, |found| found.left_out = bytes), Seen::Otherwise);
                if record.fetched.key.is_none() || !form.has_key() {
                    assert_eq!(seen(of, form, |found| found.key = Some(&own_id)), Seen::AsSent, "{form:?}");
                } else {
                    assert_eq!(seen(of, form, |found| found.key = None), Seen::Otherwise);
                }
            }
        }
    }

    #[test]
    fn a_letter_of_another_record_at_the_place_says_nothing() {
        let record = record(Some(&PostId::fresh().to_key()), Some(b"[]"));
        let (mut other, time_ms) = (letter(&record), record.fetched.timestamp_ms);
        other.id = PostId::fresh().into();
        let of = |time_ms| {
            let key = record.fetched.key.as_deref();
            let found = FoundLetter { letter: &other, left_out: LeftOut::default(), time_ms, key, value: Some(b"[]") };
            let mut letters = Letters::default();
            letters.add(0, found);
            letters.complete().seen(PLACE, &record)
        };
        assert_eq!(of(Some(time_ms + 1)), Seen::Nothing, "the topic was recreated");
        assert_eq!(of(None), Seen::Nothing);
        assert_eq!(of(Some(time_ms)), Seen::Otherwise, "this record under another id");
        assert_eq!(Letters::default().seen(PLACE, &record), Seen::Nothing);
    }

    #[test]
    fn each_of_several_letters_counts() {
        let record = record(Some(&PostId::fresh().to_key()), Some(b"[]"));
        let letter = letter(&record);
        let found = FoundLetter {
            letter: &letter,
            left_out: LeftOut::default(),
            time_ms: None,
            key: record.fetched.key.as_deref(),
            value: Some(b"[]"),
        };
        let mut letters = Letters::default();
        letters.add(0, found);
        letters.add(0, found);
        letters.add(1, FoundLetter { value: Some(b"{}"), ..found });
        let mut letters = letters.complete();
        assert_eq!(letters.seen(PLACE, &record), Seen::AsSent);
        letters.add(0, FoundLetter { value: Some(b"{}"), ..found });
        assert_eq!(letters.complete().seen(PLACE, &record), Seen::Otherwise);
    }
}
