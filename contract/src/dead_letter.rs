//! A dead letter: a record that can never become a document, kept untouched in its own topic with the reason in its
//! headers. The headers have Kafka Connect's names, so that existing tools read them.

use std::collections::HashMap;

use crate::PostId;

const TOPIC: &str = "__connect.errors.topic";
const PARTITION: &str = "__connect.errors.partition";
const OFFSET: &str = "__connect.errors.offset";
const STAGE: &str = "__connect.errors.stage";
const CLASS: &str = "__connect.errors.exception.class.name";
const MESSAGE: &str = "__connect.errors.exception.message";
const ID: &str = "id";

/// Name of the header that counts how often a record was sent back from the dead letters. A record that is dead-lettered
/// again hands it on to its next dead letter.
pub const REPLAY_ATTEMPTS_HEADER: &str = "replay-attempts";

/// The value of [`REPLAY_ATTEMPTS_HEADER`]; a record that lacks it, or has something else in it, was never sent back.
pub fn replay_attempts(value: Option<&[u8]>) -> u32 {
    value.and_then(|value| std::str::from_utf8(value).ok()).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Why and from where a record was dead-lettered. A dead letter may be written twice when the consumer is killed between
/// its acknowledgement and the commit: topic, partition and offset tell such copies apart from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The topic the record came from.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// What refused it.
    pub reason: Reason,
    /// What exactly was wrong, in one line.
    pub message: String,
    /// The id that the record has or would have had; a replay sends it as key, so that it stores one document.
    pub id: PostId,
}

/// How much of its record a dead letter carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    Whole,
    /// Its key, but not its value.
    WithoutValue,
    /// Neither key nor value nor headers of its own.
    WithoutRecord,
}

impl Form {
    /// The next smaller form, if there is one.
    pub fn smaller(self) -> Option<Self> {
        match self {
            Form::Whole => Some(Form::WithoutValue),
            Form::WithoutValue => Some(Form::WithoutRecord),
            Form::WithoutRecord => None,
        }
    }
}

/// The classes of reasons: few and fixed, since they are a metric's label too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The value is no JSON object.
    Undecodable,
    /// The value is an object that breaks the rules of a post.
    Invalid,
    /// The store refuses this very document.
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
    /// The headers of the dead letter's record.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        vec![
            (TOPIC, self.topic.clone()),
            (PARTITION, self.partition.to_string()),
            (OFFSET, self.offset.to_string()),
            (STAGE, self.reason.stage().to_owned()),
            (CLASS, self.reason.as_str().to_owned()),
            (MESSAGE, self.message.clone()),
            (ID, self.id.to_string()),
        ]
    }

    /// Reads a dead letter back from its record's headers.
    ///
    /// # Errors
    /// The name of the header that is missing or unreadable.
    pub fn from_headers<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Self, &'static str> {
        let headers: HashMap<&str, &[u8]> = headers.collect();
        let text = |name: &'static str| headers.get(name).and_then(|value| std::str::from_utf8(value).ok()).ok_or(name);
        Ok(Self {
            topic: text(TOPIC)?.to_owned(),
            partition: text(PARTITION)?.parse().map_err(|_| PARTITION)?,
            offset: text(OFFSET)?.parse().map_err(|_| OFFSET)?,
            reason: Reason::from_name(text(CLASS)?).ok_or(CLASS)?,
            message: text(MESSAGE)?.to_owned(),
            id: PostId::from_key(text(ID)?.as_bytes()).ok_or(ID)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back_as_the_dead_letter() {
        for reason in Reason::ALL {
            let letter = DeadLetter {
                topic: "post".to_owned(),
                partition: 3,
                offset: 1 << 40,
                reason,
                message: "title is required".to_owned(),
                id: PostId::fresh(),
            };
            let headers = letter.headers();
            let read = DeadLetter::from_headers(headers.iter().map(|(name, value)| (*name, value.as_bytes())));
            assert_eq!(read, Ok(letter));
            assert_eq!(DeadLetter::from_headers(headers[1..].iter().map(|(n, v)| (*n, v.as_bytes()))), Err(TOPIC));
        }
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
