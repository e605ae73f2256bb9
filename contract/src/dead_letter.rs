//! A dead letter: a record that can never become a document, kept untouched in a topic of its own with the reason in
//! its headers. The headers have Kafka Connect's names, so that existing tools can read them. What the topic has no
//! room for is left out ([`LeftOut`]).

use std::collections::HashMap;

use crate::RecordId;

mod left_out;

pub use left_out::{Form, LeftOut};

/// The most bytes that a dead letter's headers take, names included: what its topic must allow beyond a whole record.
pub const HEADERS_MAX_BYTES: usize = 4_096;

/// The longest message in a header, in bytes. An error's text may repeat what a client sent.
const MESSAGE_MAX_BYTES: usize = 2_000;

const TOPIC: &str = "__connect.errors.topic";
const PARTITION: &str = "__connect.errors.partition";
const OFFSET: &str = "__connect.errors.offset";
const STAGE: &str = "__connect.errors.stage";
const CLASS: &str = "__connect.errors.exception.class.name";
const MESSAGE: &str = "__connect.errors.exception.message";
const ID: &str = "id";

/// Name of the header that counts how often a record was sent back from the dead letters. A record that is
/// dead-lettered again passes it on to its next dead letter.
pub const REPLAY_ATTEMPTS_HEADER: &str = "replay-attempts";

/// Name of the header with the record's own timestamp, in ms since 1970. The dead-letter topic may set another, or
/// accept only recent ones.
pub const TIMESTAMP_HEADER: &str = "timestamp-ms";

/// The value of [`REPLAY_ATTEMPTS_HEADER`]. A record without it, or with anything but a number in it, was never sent
/// back.
pub fn replay_attempts(value: Option<&[u8]>) -> u32 {
    value.and_then(|value| std::str::from_utf8(value).ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Why a record was dead-lettered, and where it came from. A consumer that is killed between the acknowledgement and
/// the commit may write a dead letter twice: topic, partition and offset identify such copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The topic the record came from.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its class of reason.
    pub reason: Reason,
    /// Exactly what was wrong, in one line.
    pub message: String,
    /// The id that the record has or would have had. A replay sends it as the key, so that only one document is stored.
    pub id: RecordId,
}

/// The classes of reasons, few and fixed, because they are also a metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The value is not a JSON object.
    Undecodable,
    /// The value is an object that breaks the rules of a post.
    Invalid,
    /// The store refuses this document.
    Refused,
    /// The store holds another document with the same value in a unique index.
    Conflict,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 4] = [Reason::Undecodable, Reason::Invalid, Reason::Refused, Reason::Conflict];

    /// The reason's name in headers, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Undecodable => "undecodable",
            Reason::Invalid => "invalid",
            Reason::Refused => "refused",
            Reason::Conflict => "conflict",
        }
    }

    /// The reason that has this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// The step that failed, in Kafka Connect's words.
    fn stage(self) -> &'static str {
        match self {
            Reason::Undecodable => "VALUE_CONVERTER",
            Reason::Invalid => "TRANSFORMATION",
            Reason::Refused | Reason::Conflict => "TASK_PUT",
        }
    }
}

impl DeadLetter {
    /// The headers of the dead letter's record, to which those of [`LeftOut`] are added. A long message is cut.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        vec![
            (TOPIC, self.topic.clone()),
            (PARTITION, self.partition.to_string()),
            (OFFSET, self.offset.to_string()),
            (STAGE, self.reason.stage().to_owned()),
            (CLASS, self.reason.as_str().to_owned()),
            (MESSAGE, bounded(&self.message)),
            (ID, self.id.to_string()),
        ]
    }

    /// Reads a dead letter back from its record's headers.
    ///
    /// # Errors
    /// The name of a header that is missing or unreadable.
    pub fn from_headers<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Self, &'static str> {
        let headers: HashMap<&str, &[u8]> = headers.collect();
        let text = |name: &'static str| headers.get(name).and_then(|value| std::str::from_utf8(value).ok()).ok_or(name);
        Ok(Self {
            topic: text(TOPIC)?.to_owned(),
            partition: text(PARTITION)?.parse().map_err(|_| PARTITION)?,
            offset: text(OFFSET)?.parse().map_err(|_| OFFSET)?,
            reason: Reason::from_name(text(CLASS)?).ok_or(CLASS)?,
            message: text(MESSAGE)?.to_owned(),
            id: Some(text(ID)?).filter(|text| !text.is_empty()).map(RecordId::from_text).ok_or(ID)?,
        })
    }
}

/// The message, or its start and its length.
fn bounded(message: &str) -> String {
    if message.len() <= MESSAGE_MAX_BYTES {
        return message.to_owned();
    }
    let end = (0..=MESSAGE_MAX_BYTES).rev().find(|&index| message.is_char_boundary(index)).unwrap_or(0);
    format!("{}… (cut, {} bytes in all)", &message[..end], message.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Place, PostId};

    fn letter(topic: &str, partition: i32, offset: i64, message: String) -> DeadLetter {
        DeadLetter {
            topic: topic.to_owned(),
            partition,
            offset,
            reason: Reason::Conflict,
            message,
            id: PostId::fresh().into(),
        }
    }

    fn read(headers: &[(&'static str, String)]) -> Result<DeadLetter, &'static str> {
        DeadLetter::from_headers(headers.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    proptest! {
        #[test]
        fn a_message_of_any_length_is_kept_or_cut_where_a_character_ends(
            text in "(?s).{1,6}",
            count in 1_usize..2_000,
        ) {
            let written = letter("post", 3, 17, text.repeat(count));
            let left_out = LeftOut { form: Form::WithoutValue, value_bytes: Some(usize::MAX) };
            let headers = [written.headers(), left_out.headers()].concat();
            let read = read(&headers).unwrap();
            if written.message.len() <= MESSAGE_MAX_BYTES {
                prop_assert_eq!(&read, &written);
            } else {
                let (beginning, rest) = read.message.rsplit_once('…').unwrap();
                prop_assert!(written.message.starts_with(beginning));
                prop_assert!((MESSAGE_MAX_BYTES - 3..=MESSAGE_MAX_BYTES).contains(&beginning.len()));
                prop_assert_eq!(rest, format!(" (cut, {} bytes in all)", written.message.len()));
                let message = written.message.clone();
                prop_assert_eq!(DeadLetter { message, ..read }, written, "the rest reads back");
            }
            prop_assert_eq!(LeftOut::from_headers(headers.iter().map(|(n, v)| (*n, v.as_bytes()))), Ok(left_out));
        }
    }

    #[test]
    fn all_headers_together_are_bounded() {
        // Kafka allows no longer name for a topic.
        let topic = "t".repeat(249);
        let largest = letter(&topic, i32::MIN, i64::MIN, "🦀".repeat(100_000));
        let origin = Place { partition: i32::MAX, offset: i64::MAX, timestamp_ms: 0 }.origin_headers();
        let left_out = LeftOut { form: Form::WithoutRecord, value_bytes: Some(usize::MAX) };
        let attempts = [(REPLAY_ATTEMPTS_HEADER, u32::MAX.to_string())];
        for key in [None, Some("🦀".repeat(100_000).into_bytes()), Some(vec![b'\xff'; 1_000])] {
            let id = RecordId::of_keyed(key.as_deref(), &topic, i32::MIN, i64::MIN);
            let letter = DeadLetter { id, ..largest.clone() };
            let headers = [&letter.headers()[..], &left_out.headers(), &origin, &attempts].concat();
            // Besides the bytes of name and value, a header has at most three for the length of each.
            let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 6).sum();
            assert!(bytes <= HEADERS_MAX_BYTES, "{bytes}");
        }
    }

    #[test]
    fn headers_read_back_as_the_dead_letter() {
        for reason in Reason::ALL {
            let letter = DeadLetter {
                topic: "post".to_owned(),
                partition: 3,
                offset: 1 << 40,
                reason,
                message: "title is required".to_owned(),
                id: PostId::fresh().into(),
            };
            let headers = letter.headers();
            assert_eq!(read(&headers[1..]), Err(TOPIC));
            assert_eq!(read(&headers[..headers.len() - 1]), Err(ID));
            assert_eq!(read(&headers), Ok(letter));
        }
    }

    proptest! {
        #[test]
        fn an_id_of_either_form_reads_back(
            id in prop_oneof![
                any::<u128>().prop_map(|id| RecordId::Uuid(uuid::Uuid::from_u128(id).into())),
                "(?s).{1,80}".prop_map(|text| RecordId::from_text(&text)),
                prop::option::of(prop::collection::vec(any::<u8>(), 0..300))
                    .prop_map(|key| RecordId::of_keyed(key.as_deref(), "orders", 3, 17)),
            ],
        ) {
            let letter = DeadLetter { id, ..letter("orders", 3, 17, "no".to_owned()) };
            prop_assert_eq!(read(&letter.headers()), Ok(letter));
        }
    }

    #[test]
    fn an_empty_id_is_unreadable() {
        let letter = DeadLetter { id: RecordId::Key(String::new()), ..letter("orders", 3, 17, "no".to_owned()) };
        assert_eq!(read(&letter.headers()), Err(ID));
    }

    #[test]
    fn attempts_are_counted_from_nothing() {
        assert_eq!(replay_attempts(None), 0);
        assert_eq!(replay_attempts(Some(b"3")), 3);
        for other in [&b""[..], b"-1", b"many", b"\xff", b"99999999999"] {
            assert_eq!(replay_attempts(Some(other)), 0, "{other:?}");
        }
    }
}
