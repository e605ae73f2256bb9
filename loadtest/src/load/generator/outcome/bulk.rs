//! The outcome of each record of a bulk, by the results in its answer.

use std::borrow::Cow;

use contract::{Kind, PostId, Write};
use serde::Deserialize;
use uuid::Uuid;

use super::{Outcome, UnknownCause};
use crate::ledger::order::answered_id;
use crate::load::http::Answer;

/// The part of an answer that is read.
#[derive(Deserialize)]
struct BulkAnswer<'a> {
    #[serde(borrow)]
    results: Vec<BulkResult<'a>>,
}

/// The result of one record.
#[derive(Deserialize)]
struct BulkResult<'a> {
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    order_id: Option<Cow<'a, str>>,
    total_amount: Option<&'a str>,
    #[serde(default)]
    unknown: bool,
    #[serde(default)]
    unavailable: bool,
}

/// The outcomes of this number of records of a kind, and whether each has a result of its own. An answer without a
/// result for each of them counts for all.
pub(crate) fn outcomes(kind: Kind, answer: &Answer, records: usize) -> (Vec<Outcome>, bool) {
    let results = serde_json::from_slice::<BulkAnswer<'_>>(&answer.body).map(|answer| answer.results);
    match results {
        Ok(results) if results.len() == records => (results.iter().map(|result| result.outcome(kind)).collect(), true),
        // Its client takes all of them as accepted, so each must be there.
        _ if answer.status.is_success() => (vec![Outcome::Accepted(Uuid::nil().into()); records], false),
        _ => (vec![Outcome::of(kind, answer); records], false),
    }
}

impl BulkResult<'_> {
    fn outcome(&self, kind: Kind) -> Outcome {
        let accepted: Option<PostId> = match (kind, kind.write()) {
            (Kind::Schema(_), Write::Upsert) => self.id.as_deref().map(|id| answered_id(id, "")),
            (_, Write::Insert) => {
                self.id.as_deref().map(|id| PostId::from_key(id.as_bytes()).unwrap_or(Uuid::nil().into()))
            }
            (_, Write::Upsert) => {
                self.order_id.as_deref().zip(self.total_amount).map(|(id, total)| answered_id(id, total))
            }
        };
        match accepted {
            Some(id) => Outcome::Accepted(id),
            None if self.unknown || self.unavailable => Outcome::Unknown(UnknownCause::Unavailable),
            None => Outcome::Rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hyper::StatusCode;

    use super::*;

    fn outcomes_of(kind: Kind, status: u16, body: &str, records: usize) -> Vec<Outcome> {
        let answer = Answer { status: StatusCode::from_u16(status).unwrap(), body: Bytes::from(body.to_owned()) };
        let (outcomes, have_results) = outcomes(kind, &answer, records);
        let all_alike = outcomes.iter().all(|outcome| *outcome == outcomes[0]);
        assert!(have_results || all_alike, "without results all have the same outcome");
        outcomes
    }

    #[test]
    fn each_result_is_the_outcome_of_its_record() {
        let id = PostId::fresh();
        let unknown = Outcome::Unknown(UnknownCause::Unavailable);
        let body = format!(
            r#"{{"accepted":1,"rejected":3,"results":[{{"id":"{id}"}},{{"errors":[{{"field":"title"}}]}},
               {{"unknown":true,"message":"m"}},{{"unavailable":true,"message":"m"}}]}}"#
        );
        let expected = [Outcome::Accepted(id), Outcome::Rejected, unknown, unknown];
        assert_eq!(outcomes_of(Kind::Post, 207, &body, 4), expected);
        let body = r#"{"results":[{"order_id":"\"A\" \u00e9","total_amount":"1.50"},{"errors":[]}]}"#;
        let accepted = Outcome::Accepted(answered_id("\"A\" é", "1.50"));
        assert_eq!(outcomes_of(Kind::Order, 207, body, 2), [accepted, Outcome::Rejected]);
        assert_eq!(outcomes_of(Kind::Order, 400, r#"{"results":[{"errors":[]}]}"#, 1), [Outcome::Rejected]);
    }

    #[test]
    fn an_answer_without_results_counts_for_all() {
        assert_eq!(outcomes_of(Kind::Post, 413, "{}", 2), [Outcome::Rejected; 2]);
        assert_eq!(outcomes_of(Kind::Post, 503, "", 2), [Outcome::Unknown(UnknownCause::Unavailable); 2]);
        let few = format!(r#"{{"results":[{{"id":"{}"}}]}}"#, PostId::fresh());
        for body in ["", "[]", &few] {
            assert_eq!(outcomes_of(Kind::Post, 201, body, 2), [Outcome::Accepted(Uuid::nil().into()); 2], "{body}");
        }
    }
}
