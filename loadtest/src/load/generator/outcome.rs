//! What became of a post, as far as its sender knows: from the answer to one of four outcomes. 2xx is accepted, 4xx is
//! rejected, and everything else that happens once the request is on its way is unknown, because the post may be stored
//! or not.

use std::borrow::Cow;

use contract::{Kind, PostId, Write, created};
use hyper::StatusCode;
use serde::Deserialize;
use uuid::Uuid;

use crate::ledger::books::Reply;
use crate::ledger::order::answered_id;
use crate::load::http::Answer;
use crate::load::pacing::ended::Ended;

pub(crate) mod bulk;
pub(crate) mod request;

/// What became of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 2xx, with this id; the nil id if the answer named none.
    Accepted(PostId),
    /// 4xx.
    Rejected,
    /// 408: the body did not arrive in time, which is no verdict on the post.
    TooSlow,
    /// 4xx, for a post that breaks a rule on purpose, which is the right answer.
    InvalidRejected,
    /// On its way, but neither accepted nor rejected.
    Unknown(UnknownCause),
    /// No connection, so nothing was sent.
    NotConnected,
}

/// What became of a post that may be sent more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sends {
    /// All that is known.
    pub(crate) outcome: Outcome,
    /// Whether any outcome was unknown. What was sent then may be appended after all later posts of its user.
    pub(crate) was_unknown: bool,
}

/// Why an outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownCause {
    /// 503.
    Unavailable,
    /// Any other status that is neither 2xx nor 4xx.
    OtherStatus,
    /// The connection ended first.
    CutOff,
    /// No answer in time.
    TimedOut,
}

impl Sends {
    /// It was sent once.
    pub(crate) fn of(outcome: Outcome) -> Self {
        Self { outcome, was_unknown: matches!(outcome, Outcome::Unknown(_)) }
    }

    /// It was sent once more.
    pub(crate) fn and(self, next: Outcome) -> Self {
        let was_unknown = self.was_unknown || Self::of(next).was_unknown;
        Self { outcome: self.outcome.and(next), was_unknown }
    }
}

impl Outcome {
    /// The outcome of an answer to one record of this kind.
    pub(crate) fn of(kind: Kind, answer: &Answer) -> Self {
        if answer.status.is_success() {
            let id = match (kind, kind.write()) {
                (_, Write::Insert) => id_in(&answer.body),
                (Kind::Schema(_), Write::Upsert) => key_in(&answer.body),
                (_, Write::Upsert) => order_in(&answer.body),
            };
            Outcome::Accepted(id.unwrap_or(Uuid::nil().into()))
        } else if answer.status == StatusCode::REQUEST_TIMEOUT {
            Outcome::TooSlow
        } else if answer.status.is_client_error() {
            Outcome::Rejected
        } else if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            Outcome::Unknown(UnknownCause::Unavailable)
        } else {
            Outcome::Unknown(UnknownCause::OtherStatus)
        }
    }

    /// What is known after the same post was sent once more: accepted if it was ever accepted, and with the nil id,
    /// which no document has, if two answers named different ids.
    pub(crate) fn and(self, next: Outcome) -> Outcome {
        match (self, next) {
            (Outcome::Accepted(id), Outcome::Accepted(other)) if id != other => Outcome::Accepted(Uuid::nil().into()),
            (accepted @ Outcome::Accepted(_), _) | (_, accepted @ Outcome::Accepted(_)) => accepted,
            (unknown @ Outcome::Unknown(_), _) | (_, unknown @ Outcome::Unknown(_)) => unknown,
            (rejected @ (Outcome::Rejected | Outcome::InvalidRejected), _)
            | (_, rejected @ (Outcome::Rejected | Outcome::InvalidRejected)) => rejected,
            (Outcome::TooSlow, _) | (_, Outcome::TooSlow) => Outcome::TooSlow,
            (Outcome::NotConnected, Outcome::NotConnected) => Outcome::NotConnected,
        }
    }

    /// The same outcome for a post that breaks a rule on purpose.
    pub(crate) fn of_invalid(self) -> Self {
        match self {
            Outcome::Rejected | Outcome::TooSlow => Outcome::InvalidRejected,
            other => other,
        }
    }

    /// What the ledger notes, if anything was sent.
    pub(crate) fn reply(self) -> Option<Reply> {
        match self {
            Outcome::Accepted(id) => Some(Reply::Accepted(id)),
            Outcome::Rejected | Outcome::TooSlow | Outcome::InvalidRejected => Some(Reply::Rejected),
            Outcome::Unknown(_) => Some(Reply::Unknown),
            Outcome::NotConnected => None,
        }
    }

    /// What pacing needs to know.
    pub(crate) fn ended(self) -> Ended {
        match self {
            Outcome::Accepted(_) | Outcome::Rejected | Outcome::TooSlow | Outcome::InvalidRejected => Ended::Answered,
            Outcome::Unknown(_) | Outcome::NotConnected => Ended::InTrouble,
        }
    }
}

/// The id in the body of a 201. The producer's own answer is not parsed as JSON, which took a fourteenth of the
/// generator's time for a post.
fn id_in(body: &[u8]) -> Option<PostId> {
    created::id_in(body).or_else(|| id_in_json(body))
}

fn id_in_json(body: &[u8]) -> Option<PostId> {
    #[derive(Deserialize)]
    struct Created<'a> {
        id: &'a str,
    }
    let created: Created<'_> = serde_json::from_slice(body).ok()?;
    PostId::from_key(created.id.as_bytes())
}

/// What the answer to an order names, in the form in which the ledger keeps it.
fn order_in(body: &[u8]) -> Option<PostId> {
    #[derive(Deserialize)]
    struct Created<'a> {
        #[serde(borrow)]
        order_id: Cow<'a, str>,
        total_amount: &'a str,
    }
    let created: Created<'_> = serde_json::from_slice(body).ok()?;
    Some(answered_id(&created.order_id, created.total_amount))
}

/// The same for a record of a kind of a schema: its key.
fn key_in(body: &[u8]) -> Option<PostId> {
    #[derive(Deserialize)]
    struct Created<'a> {
        #[serde(borrow)]
        id: Cow<'a, str>,
    }
    let created: Created<'_> = serde_json::from_slice(body).ok()?;
    Some(answered_id(&created.id, ""))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn outcome(status: u16, body: &str) -> Outcome {
        Outcome::of(
            Kind::Post,
            &Answer { status: StatusCode::from_u16(status).unwrap(), body: Bytes::from(body.to_owned()) },
        )
    }

    #[test]
    fn the_status_decides() {
        assert_eq!(outcome(400, "{}"), Outcome::Rejected);
        assert_eq!(outcome(429, ""), Outcome::Rejected);
        assert_eq!(outcome(408, "{}"), Outcome::TooSlow);
        assert_eq!(outcome(503, ""), Outcome::Unknown(UnknownCause::Unavailable));
        assert_eq!(outcome(500, ""), Outcome::Unknown(UnknownCause::OtherStatus));
        assert_eq!(outcome(302, ""), Outcome::Unknown(UnknownCause::OtherStatus));
    }

    #[test]
    fn only_a_rejection_is_right_for_an_invalid_post() {
        assert_eq!(Outcome::Rejected.of_invalid(), Outcome::InvalidRejected);
        assert_eq!(Outcome::TooSlow.of_invalid(), Outcome::InvalidRejected);
        assert_eq!(Outcome::InvalidRejected.reply(), Some(Reply::Rejected), "it must not be stored either");
        for other in
            [Outcome::Accepted(PostId::fresh()), Outcome::Unknown(UnknownCause::TimedOut), Outcome::NotConnected]
        {
            assert_eq!(other.of_invalid(), other);
        }
    }

    #[test]
    fn the_best_answer_counts_and_two_ids_count_as_none() {
        let (one, other) = (Outcome::Accepted(PostId::fresh()), Outcome::Accepted(PostId::fresh()));
        let unknown = Outcome::Unknown(UnknownCause::CutOff);
        assert_eq!(one.and(unknown).and(one), one);
        assert_eq!(Outcome::NotConnected.and(unknown).and(one), one);
        assert_eq!(Outcome::NotConnected.and(unknown).and(Outcome::Rejected), unknown);
        assert_eq!(Outcome::NotConnected.and(Outcome::Rejected), Outcome::Rejected);
        assert_eq!(Outcome::TooSlow.and(Outcome::NotConnected).and(Outcome::Rejected), Outcome::Rejected);
        assert_eq!(Outcome::TooSlow.and(unknown), unknown);
        assert_eq!(one.and(other), Outcome::Accepted(Uuid::nil().into()));
    }

    #[test]
    fn an_unknown_outcome_is_remembered_whatever_else_is_answered() {
        let (accepted, unknown) = (Outcome::Accepted(PostId::fresh()), Outcome::Unknown(UnknownCause::TimedOut));
        for (first, then, was_unknown) in [
            (accepted, accepted, false),
            (accepted, unknown, true),
            (unknown, accepted, true),
            (accepted, Outcome::NotConnected, false),
        ] {
            assert_eq!(Sends::of(first).and(then), Sends { outcome: accepted, was_unknown });
        }
    }

    #[test]
    fn the_id_is_read_from_the_body() {
        let id = PostId::fresh();
        for body in [
            format!(r#"{{"message":"Post created successfully","id":"{id}"}}"#),
            format!(r#"{{ "id" : "{id}", "more": [1] }}"#),
        ] {
            assert_eq!(outcome(201, &body), Outcome::Accepted(id), "{body}");
        }
    }

    #[test]
    fn an_accepted_post_without_a_readable_id_has_the_nil_id() {
        for body in ["", "{}", "[]", r#"{"id":7}"#, r#"{"id":"seven"}"#, "<html>"] {
            assert_eq!(outcome(200, body), Outcome::Accepted(Uuid::nil().into()), "{body}");
        }
    }
}
