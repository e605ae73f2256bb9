//! What MongoDB's answer to an insert, or to an `update` command, means for each of its documents. Pure.

use bson::Document;
use mongodb::error::InsertManyError;

/// What a write error says about its document, in MongoDB's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// A document with the same value in a unique index is already there; it may be this very one.
    Duplicate(String),
    /// The document itself can never be stored.
    Document(String),
    /// Anything else, known or not: the document may be stored later.
    Transient(String),
}

/// Codes that concern the document itself, and nothing else. A code missing here only means longer retries; a wrong one
/// would throw good posts away.
const DOCUMENT_CODES: [i32; 9] = [
    2,     // BadValue
    22,    // InvalidBSON
    52,    // DollarPrefixedFieldName
    57,    // DottedFieldName
    121,   // DocumentValidationFailure
    10334, // BSONObjectTooLarge
    16755, // a geo index cannot read the document
    16756, // a geo index cannot read the document
    17280, // KeyTooLong
];

const DUPLICATE_KEY: i32 = 11000;

/// The judgements on the documents that an insert did not newly store, by index.
///
/// # Errors
/// Why nothing is known of any document: then all must be inserted again.
pub(crate) fn insert_failure(failure: InsertManyError, sent: usize) -> Result<Vec<(usize, Judgement)>, String> {
    // Without the write concern nothing is durable; the second time, what is already there shows as a duplicate.
    if let Some(concern) = failure.write_concern_error {
        return Err(format!("write concern not met: {}", concern.message));
    }
    let errors = failure.write_errors.unwrap_or_default();
    if errors.iter().any(|error| error.index >= sent) {
        return Err("MongoDB named a document that was not sent".to_owned());
    }
    let judged = |code, message: &str| write_error(code)(format!("{message} (code {code})"));
    Ok(errors.iter().map(|error| (error.index, judged(error.code, &error.message))).collect())
}

/// The judgements on the statements of an `update` command that did not replace or insert anything, by index. The
/// driver hands on the answer to a command as it is; its errors have the form of those of an insert.
///
/// # Errors
/// Why nothing is known of any statement: then all must be sent again.
pub(crate) fn update_answer(answer: Document, sent: usize) -> Result<Vec<(usize, Judgement)>, String> {
    let failure = bson::deserialize_from_document(answer);
    insert_failure(failure.map_err(|error| format!("MongoDB's answer cannot be read: {error}"))?, sent)
}

/// The meaning of the code that a write error carries for one document.
fn write_error(code: i32) -> fn(String) -> Judgement {
    match code {
        DUPLICATE_KEY => Judgement::Duplicate,
        code if DOCUMENT_CODES.contains(&code) => Judgement::Document,
        _ => Judgement::Transient,
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, doc};
    use proptest::prelude::*;

    use super::*;

    /// An answer in which each of these documents has failed with a code.
    fn failure(errors: &[(usize, i32)]) -> InsertManyError {
        let errors = errors.iter().map(|(index, code)| doc! { "index": *index as i64, "code": code, "errmsg": "why" });
        let errors: Vec<Bson> = errors.map(Bson::from).collect();
        bson::deserialize_from_document(doc! { "writeErrors": errors, "writeConcernError": Bson::Null }).unwrap()
    }

    fn judgement(code: i32) -> Judgement {
        insert_failure(failure(&[(0, code)]), 1).unwrap().remove(0).1
    }

    #[test]
    fn codes_of_the_document_and_codes_of_the_server() {
        assert_eq!(judgement(11000), Judgement::Duplicate("why (code 11000)".to_owned()));
        for code in [2, 22, 121, 10334] {
            assert_eq!(judgement(code), Judgement::Document(format!("why (code {code})")));
        }
        // Unauthorized, timeouts, not primary, no such shard, interrupted, out of disk, an unknown one.
        for code in [6, 7, 13, 50, 70, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 14031, 0, -1] {
            assert_eq!(judgement(code), Judgement::Transient(format!("why (code {code})")));
        }
    }

    /// As mongos does when a shard is away.
    #[test]
    fn an_error_of_the_server_that_is_repeated_for_every_document_keeps_all_of_them() {
        for code in [6, 70, 91, 133, 189, 10107, 13388] {
            let repeated: Vec<(usize, i32)> = (0..100).map(|index| (index, code)).collect();
            let judged = insert_failure(failure(&repeated), 100).unwrap();
            assert_eq!(judged.iter().map(|(index, _)| *index).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
            assert!(judged.iter().all(|(_, judgement)| matches!(judgement, Judgement::Transient(_))), "{code}");
        }
    }

    #[test]
    fn each_document_is_judged_by_its_own_error() {
        let judged = insert_failure(failure(&[(1, 11000), (3, 121), (4, 91)]), 5).unwrap();
        let why = |code: i32| format!("why (code {code})");
        let (duplicate, document) = (Judgement::Duplicate(why(11000)), Judgement::Document(why(121)));
        assert_eq!(judged, [(1, duplicate), (3, document), (4, Judgement::Transient(why(91)))]);
    }

    #[test]
    fn an_answer_that_proves_nothing_keeps_the_whole_batch() {
        let concern = doc! { "writeErrors": [{ "index": 0, "code": 121 }],
        "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } };
        let concern: InsertManyError = bson::deserialize_from_document(concern).unwrap();
        let expected = "write concern not met: waiting for replication timed out";
        assert_eq!(insert_failure(concern, 1), Err(expected.to_owned()));
        assert!(insert_failure(failure(&[(1, 121)]), 1).is_err(), "there was only one document");
    }

    #[test]
    fn an_update_is_judged_by_its_write_errors_and_its_write_concern() {
        let done = doc! { "n": 2, "upserted": [{ "index": 1, "_id": "A" }], "nModified": 1, "ok": 1.0 };
        assert_eq!(update_answer(done.clone(), 2), Ok(vec![]));
        let error = doc! { "index": 1, "code": 11000, "errmsg": "E11000", "keyPattern": { "_id": 1 } };
        let refused = doc! { "n": 1, "writeErrors": [error], "nModified": 1, "ok": 1.0 };
        let why = Judgement::Duplicate("E11000 (code 11000)".to_owned());
        assert_eq!(update_answer(refused.clone(), 2), Ok(vec![(1, why)]));
        assert!(update_answer(refused.clone(), 1).is_err(), "there was only one statement");

        let concern = doc! { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "timed out" };
        let expected = Err("write concern not met: timed out".to_owned());
        for mut answer in [done, refused] {
            answer.insert("writeConcernError", concern.clone());
            assert_eq!(update_answer(answer, 2), expected);
        }
        for unreadable in [doc! { "writeErrors": "none" }, doc! { "writeErrors": [{ "index": 0 }] }] {
            assert!(update_answer(unreadable, 1).is_err());
        }
    }

    proptest! {
        #[test]
        fn an_unknown_code_never_throws_a_document_away(code: i32) {
            prop_assume!(code != DUPLICATE_KEY && !DOCUMENT_CODES.contains(&code));
            prop_assert!(matches!(judgement(code), Judgement::Transient(_)));
        }
    }
}
