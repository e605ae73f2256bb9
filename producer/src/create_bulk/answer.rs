//! The answer to a bulk: a result for each of its records, in order. It is written once, into one buffer.

use bytes::Bytes;
use contract::{FieldErrors, Kind, Order, PostId, created};
use http_body_util::Full;
use hyper::{Response, StatusCode};
use kafka::publish::Fate;
use service::http::body::Share;
use service::http::response;

use crate::noun::Noun;

/// The result of a record that is inserted and was sent on to Kafka, but not acknowledged in time.
const UNKNOWN_INSERTED: &[u8] = concat!(
    r#"{"unknown":true,"message":"not acknowledged in time, so it may be stored or not: "#,
    r#"send the bulk again with the same Idempotency-Key"}"#
)
.as_bytes();

/// The same of a record of a key. Not the whole bulk: the others may have a newer state by then.
const UNKNOWN_KEYED: &[u8] =
    br#"{"unknown":true,"message":"not acknowledged in time, so it may be stored or not: send it again"}"#;

/// The result of a record whose partition is away, or for which there was no room in time.
const AWAY: &[u8] = concat!(
    r#"{"unavailable":true,"message":"Kafka cannot be reached, or takes no more at present, so it is not stored: "#,
    r#"send it again"}"#
)
.as_bytes();

/// The result of a record if the `Idempotency-Key` stands for another one in its place.
const CONFLICT: &[u8] = concat!(
    r#"{"errors":[{"field":"Idempotency-Key","#,
    r#""message":"was used with another record in this place: send this one under another key"}]}"#
)
.as_bytes();

/// The result of a record that is larger than Kafka's topic takes.
const TOO_LARGE: &[u8] =
    br#"{"errors":[{"field":"","message":"is larger than Kafka's topic takes (max.message.bytes), so not stored"}]}"#;

/// The longest result of a valid record, that of an accepted one of a key aside.
const MAX_RESULT_BYTES: usize = UNKNOWN_INSERTED.len();
const _: () = assert!(
    UNKNOWN_KEYED.len() <= MAX_RESULT_BYTES
        && AWAY.len() <= MAX_RESULT_BYTES
        && CONFLICT.len() <= MAX_RESULT_BYTES
        && TOO_LARGE.len() <= MAX_RESULT_BYTES
);

/// From this size of the results on, in bytes, of each invalid record only the first error is named. Otherwise a bulk
/// of records with many errors could claim the whole budget for its answer, and find room only when nobody else needs
/// any.
const ALL_ERRORS_BYTES: usize = 4_000_000;

/// Upper bound of what precedes and follows the results.
const FRAME_BYTES: usize = 200;

/// Each record's result, as far as it is known before the records are published.
pub(super) struct Results {
    kind: Kind,
    judged: Vec<Judged>,
    /// The results that are known by now, end to end: those of the invalid records, and of those of a key if
    /// they are accepted.
    encoded: Vec<u8>,
    invalid: usize,
}

/// Where a result ends within [`Results::encoded`]; it starts where the previous one ends.
type End = usize;

enum Judged {
    /// A valid post, or another record that is inserted under this id.
    Inserted(PostId),
    /// A valid record of a key, with its result if it is accepted.
    Keyed(End),
    Invalid(End),
}

/// The answer, and the number of records by outcome.
pub(super) struct BulkAnswer {
    pub(super) response: Response<Full<Bytes>>,
    pub(super) accepted: usize,
    pub(super) invalid: usize,
    pub(super) unknown: usize,
    pub(super) away: usize,
    pub(super) conflicts: usize,
    pub(super) too_large: usize,
}

impl BulkAnswer {
    pub(super) fn rejected(&self) -> usize {
        self.invalid + self.unknown + self.away + self.conflicts + self.too_large
    }
}

impl Results {
    /// No results yet of a bulk of this kind.
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, judged: Vec::new(), encoded: Vec::new(), invalid: 0 }
    }

    pub(super) fn push_inserted(&mut self, id: PostId) {
        self.judged.push(Judged::Inserted(id));
    }

    pub(super) fn push_order(&mut self, order: &Order) {
        self.encoded.push(b'{');
        created::encode_order(order, &mut self.encoded);
        self.encoded.push(b'}');
        self.judged.push(Judged::Keyed(self.encoded.len()));
    }

    pub(super) fn push_keyed(&mut self, key: &str) {
        self.encoded.push(b'{');
        created::encode_id(key, &mut self.encoded);
        self.encoded.push(b'}');
        self.judged.push(Judged::Keyed(self.encoded.len()));
    }

    pub(super) fn push_invalid(&mut self, errors: &FieldErrors) {
        self.encoded.extend_from_slice(br#"{"errors":"#);
        if self.encoded.len() > ALL_ERRORS_BYTES {
            errors.abridged().encode(&mut self.encoded);
        } else {
            errors.encode(&mut self.encoded);
        }
        self.encoded.push(b'}');
        self.judged.push(Judged::Invalid(self.encoded.len()));
        self.invalid += 1;
    }

    /// How many records there are.
    pub(super) fn count(&self) -> usize {
        self.judged.len()
    }

    /// How many of them are invalid.
    pub(super) fn invalid(&self) -> usize {
        self.invalid
    }

    /// Upper bound of the answer.
    pub(super) fn max_answer_bytes(&self) -> usize {
        FRAME_BYTES + self.encoded.len() + self.judged.len() + (self.count() - self.invalid) * MAX_RESULT_BYTES
    }

    /// The answer for these fates of the valid records; its share of the budget is held until the client has taken it.
    pub(super) fn answer(self, fates: &[Fate], share: Share) -> BulkAnswer {
        let count = |wanted| fates.iter().filter(|fate| **fate == wanted).count();
        let (accepted, unknown, away) = (count(Fate::Acknowledged), count(Fate::Unknown), count(Fate::Away));
        let (conflicts, too_large) = (count(Fate::Conflict), count(Fate::TooLarge));
        let (status, content_type) = match accepted {
            0 if conflicts > 0 => (StatusCode::UNPROCESSABLE_ENTITY, "application/problem+json"),
            0 => (StatusCode::BAD_REQUEST, "application/problem+json"),
            accepted if accepted == self.count() => (StatusCode::CREATED, "application/json"),
            _ => (StatusCode::MULTI_STATUS, "application/json"),
        };
        let body = Bytes::from_owner(Held { bytes: self.write(status, accepted, fates), _share: share });
        let response = response(status, content_type, body);
        BulkAnswer { response, accepted, invalid: self.invalid, unknown, away, conflicts, too_large }
    }

    fn write(&self, status: StatusCode, accepted: usize, fates: &[Fate]) -> Vec<u8> {
        // An id in its braces and quotes, and a comma.
        const ID_BYTES: usize = 36 + 10;
        let mut json = Vec::with_capacity(FRAME_BYTES + self.encoded.len() + self.count() * ID_BYTES);
        json.push(b'{');
        json.extend_from_slice(self.problem(status).as_bytes());
        let counts = format!(r#""accepted":{accepted},"rejected":{},"results":["#, self.count() - accepted);
        json.extend_from_slice(counts.as_bytes());
        let (mut fates, mut start) = (fates.iter(), 0);
        for (position, judged) in self.judged.iter().enumerate() {
            if position > 0 {
                json.push(b',');
            }
            let end = match judged {
                Judged::Inserted(_) => start,
                Judged::Keyed(end) | Judged::Invalid(end) => *end,
            };
            let encoded = &self.encoded[start..end];
            start = end;
            let fate = if let Judged::Invalid(_) = judged { None } else { fates.next().or(Some(&Fate::Away)) };
            match (fate, judged) {
                (Some(Fate::Acknowledged), Judged::Inserted(id)) => {
                    json.extend_from_slice(br#"{"id":""#);
                    json.extend_from_slice(&id.to_key());
                    json.extend_from_slice(br#""}"#);
                }
                (None | Some(Fate::Acknowledged), _) => json.extend_from_slice(encoded),
                (Some(Fate::Unknown), Judged::Keyed(_)) => json.extend_from_slice(UNKNOWN_KEYED),
                (Some(Fate::Unknown), _) => json.extend_from_slice(UNKNOWN_INSERTED),
                (Some(Fate::Away), _) => json.extend_from_slice(AWAY),
                (Some(Fate::Conflict), _) => json.extend_from_slice(CONFLICT),
                (Some(Fate::TooLarge), _) => json.extend_from_slice(TOO_LARGE),
            }
        }
        json.extend_from_slice(b"]}");
        json
    }

    /// The start of a problem, if the answer is one: no record is valid, or the `Idempotency-Key` stands for other ones
    /// than all the valid ones.
    fn problem(&self, status: StatusCode) -> String {
        let Noun { one, many, .. } = Noun::of(self.kind);
        let (title, detail) = match status {
            StatusCode::BAD_REQUEST => ("Bad Request", format!("no {one} is valid: see results")),
            StatusCode::UNPROCESSABLE_ENTITY => {
                ("Unprocessable Entity", format!("this Idempotency-Key was used with other {many}: see results"))
            }
            _ => return String::new(),
        };
        format!(r#""title":"{title}","status":{},"detail":"{detail}","#, status.as_u16())
    }
}

/// The bytes of an answer, with their share of the budget.
struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests;
