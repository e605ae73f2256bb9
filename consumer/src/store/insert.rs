//! Writes documents of their own: inserts a batch, and says what became of each document.
//!
//! A document that is refused as a duplicate is judged by the store's evidence ([`evidence`]), with rules without IO
//! ([`duplicates`]).
//!
//! [`evidence`]: super::evidence

use bson::RawDocumentBuf;
use contract::dead_letter::Reason;
use mongodb::error::ErrorKind;

use super::Store;
use super::answers::{ANSWER_TIMEOUT, no_answer};
use super::duplicates::{self, Evidence, Verdict};
use super::written::{NotWritten, set_duplicates_apart};
use crate::classify::{self, Judgement};

impl Store {
    /// Inserts the documents, unordered. Returns those that were not newly stored, by their index, or the reason why
    /// nothing is known of any of them: then all must be inserted again.
    pub(crate) async fn insert(&self, documents: &[&RawDocumentBuf]) -> Result<Vec<(usize, NotWritten)>, String> {
        let mut not_stored = Vec::new();
        let mut failures = self.insert_once(documents).await?;
        let mut before = None;
        loop {
            let refused = set_duplicates_apart(failures, &mut not_stored);
            if refused.is_empty() {
                break;
            }
            let of_refused = refused.iter().map(|(index, _)| documents[*index]);
            let now = match self.lookup.evidence(&self.collection, of_refused).await {
                Ok(evidence) => evidence,
                Err(reason) => {
                    not_stored
                        .extend(refused.into_iter().map(|(index, _)| (index, NotWritten::NotNow(reason.clone()))));
                    break;
                }
            };
            // Nothing is reinserted twice, so this ends.
            let again = judge(documents, refused, before.as_ref(), &now, &mut not_stored);
            if again.is_empty() {
                break;
            }
            let documents_again: Vec<_> = again.iter().map(|index| documents[*index]).collect();
            failures = match self.insert_once(&documents_again).await {
                Ok(failures) => failures.into_iter().map(|(position, failure)| (again[position], failure)).collect(),
                Err(reason) => {
                    not_stored.extend(again.into_iter().map(|index| (index, NotWritten::NotNow(reason.clone()))));
                    break;
                }
            };
            before = Some(now);
        }
        not_stored.sort_by_key(|(index, _)| *index);
        Ok(not_stored)
    }

    /// The documents that one insert did not newly store, by their index.
    pub(super) async fn insert_once(&self, documents: &[&RawDocumentBuf]) -> Result<Vec<(usize, Judgement)>, String> {
        let inserting = self.collection.insert_many(documents.iter().copied()).ordered(false);
        let error = match tokio::time::timeout(ANSWER_TIMEOUT, inserting).await {
            Ok(Ok(_)) => return Ok(Vec::new()),
            Ok(Err(error)) => error,
            Err(_) => return Err(no_answer(ANSWER_TIMEOUT)),
        };
        match *error.kind {
            ErrorKind::InsertMany(failure) => classify::insert_failure(failure, documents.len()),
            kind => Err(kind.to_string()),
        }
    }
}

/// Returns the documents to insert again; what became of the others is clear.
fn judge(
    documents: &[&RawDocumentBuf],
    duplicates: Vec<(usize, String)>,
    before: Option<&Evidence>,
    now: &Evidence,
    not_stored: &mut Vec<(usize, NotWritten)>,
) -> Vec<usize> {
    let mut again = Vec::new();
    for (index, message) in duplicates {
        let what = match duplicates::judge(documents[index], before, now) {
            Verdict::InsertAgain => {
                again.push(index);
                continue;
            }
            Verdict::Stored => NotWritten::Already,
            Verdict::Erased => NotWritten::Erased,
            Verdict::OtherContent => {
                NotWritten::refused(Reason::Conflict, format!("another document is stored under this id: {message}"))
            }
            Verdict::OtherDocument => NotWritten::refused(Reason::Conflict, message),
            Verdict::Undecided => {
                NotWritten::NotNow("the unique indexes changed while a duplicate was judged".to_owned())
            }
        };
        not_stored.push((index, what));
    }
    again
}
