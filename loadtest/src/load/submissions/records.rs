//! What all parts of the load write down together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use uuid::Uuid;

use super::requests::SubmissionPlan;
use crate::ledger::submissions::books::{Answer, Books};
use crate::ledger::submissions::changes::Change;
use crate::ledger::submissions::row::Row;
use crate::load::sparse;

/// The shared records of a run.
pub(crate) struct Records {
    pub(crate) plan: SubmissionPlan,
    /// The next request and the next submission to give out.
    next: Mutex<(u64, u64)>,
    /// The number of submissions after which no more are given out.
    limit: u64,
    accepted: AtomicU64,
    book: Mutex<Book>,
}

/// What is written down.
pub(crate) struct Book {
    pub(crate) books: Books,
    /// From the moment at which a request was due to its answer, if all of it was accepted; in microseconds.
    pub(crate) submit_us: Histogram<u64>,
    /// How long it took to read a submission, in microseconds.
    pub(crate) status_us: Histogram<u64>,
    /// The last row seen of each submission that is looked at, with its number.
    pub(crate) seen: Vec<(u64, Row)>,
    /// How often a submission was looked at.
    pub(crate) looks: u64,
    /// Requests that were sent again under their key.
    pub(crate) sent_again: u64,
    /// Answers that the API does not have, by what they were; the first of them.
    pub(crate) wrong_answers: u64,
    pub(crate) first_wrong_answer: Option<String>,
}

impl Records {
    /// Empty records of a run with at most this many submissions.
    pub(crate) fn new(plan: SubmissionPlan, limit: u64) -> Self {
        let book = Book {
            books: Books::new(plan.contents()),
            submit_us: sparse::empty(),
            status_us: sparse::empty(),
            seen: Vec::new(),
            looks: 0,
            sent_again: 0,
            wrong_answers: 0,
            first_wrong_answer: None,
        };
        Self { plan, next: Mutex::default(), limit, accepted: AtomicU64::new(0), book: Mutex::new(book) }
    }

    /// The numbers of the next request's submissions; none once the limit is reached. Each is given out once.
    pub(crate) fn next(&self) -> std::ops::Range<u64> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let (request, first) = *next;
        let end = (first + u64::from(self.plan.size(request))).min(self.limit);
        *next = (request + 1, end);
        first..end
    }

    /// Submission n was sent, and this came of it. Returns its id when it is accepted for the first time.
    pub(crate) fn answered(&self, n: u64, answer: Answer, wrong: Option<String>) -> Option<Uuid> {
        let mut book = self.book();
        let is_new = !matches!(book.books.answer(n), Some(Answer::Accepted(_)));
        book.books.answered(n, answer);
        if let Some(wrong) = wrong {
            match answer {
                Answer::Accepted(_) => book.books.answered_otherwise(n, wrong),
                _ => {
                    book.wrong_answers += 1;
                    book.first_wrong_answer.get_or_insert(wrong);
                }
            }
        }
        match answer {
            Answer::Accepted(id) if is_new => {
                self.accepted.fetch_add(1, Ordering::Relaxed);
                Some(id)
            }
            _ => None,
        }
    }

    /// This was asked of submission n.
    pub(crate) fn changed(&self, n: u64, change: Change) {
        self.book().books.changed(n, change);
    }

    /// A request took this long until all of it was accepted.
    pub(crate) fn submitted(&self, latency: Duration) {
        self.book().submit_us.saturating_record(micros(latency));
    }

    /// A look at a submission took this long.
    pub(crate) fn looked(&self, latency: Duration) {
        let mut book = self.book();
        book.looks += 1;
        book.status_us.saturating_record(micros(latency));
    }

    /// How many submissions are accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// The book, to write more into it.
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The book, once nobody writes any more.
    pub(crate) fn finish(self) -> Book {
        self.book.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_given_out_once_and_up_to_the_limit() {
        let plan = SubmissionPlan {
            seed: 1,
            invalid_share: 0.0,
            key_share: 0.0,
            bulk_share: 0.5,
            bulk: 7,
            cancel_share: 0.0,
            retry_share: 0.0,
            watch_share: 0.0,
        };
        let records = Records::new(plan, 40);
        let given: Vec<_> = std::iter::repeat_with(|| records.next()).take_while(|range| !range.is_empty()).collect();
        assert!(given.iter().cloned().flatten().eq(0..40), "{given:?}");
        assert!(given.iter().any(|range| range.end - range.start == 7), "{given:?}");
        assert!(given.iter().any(|range| range.end - range.start == 1), "{given:?}");
    }
}
