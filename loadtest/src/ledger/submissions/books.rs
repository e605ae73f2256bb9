//! What the senders of submissions were answered, by number.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::changes::{Change, Reply, Wish};
use super::content::Contents;
use super::findings::{FindingKind, Findings};

/// What came of sending a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nobody got it, because nothing was connected.
    NotSent,
    /// 4xx: it must not be there.
    Rejected,
    /// 503, or no answer: it may be there.
    Unknown,
    /// 202 under this id.
    Accepted(Uuid),
}

/// How many submissions had which answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AnswerCounts {
    pub(crate) not_sent: u64,
    pub(crate) rejected: u64,
    pub(crate) unknown: u64,
    pub(crate) accepted: u64,
}

/// The answers of a run.
#[derive(Debug)]
pub(crate) struct Books {
    contents: Contents,
    /// By number; a number without one was not sent.
    answers: Vec<Option<Answer>>,
    accepted: HashMap<Uuid, u64>,
    changes: BTreeMap<u64, Vec<Change>>,
    findings: Findings,
}

impl Books {
    /// Empty books of submissions with these contents.
    pub(crate) fn new(contents: Contents) -> Self {
        Self {
            contents,
            answers: Vec::new(),
            accepted: HashMap::new(),
            changes: BTreeMap::new(),
            findings: Findings::default(),
        }
    }

    /// Submission n was sent, perhaps not for the first time, and this came of it.
    pub(crate) fn answered(&mut self, n: u64, answer: Answer) {
        let place = usize::try_from(n).expect("numbers are given out one by one");
        if self.answers.len() <= place {
            self.answers.resize(place + 1, None);
        }
        if let Answer::Accepted(id) = answer {
            self.note_id(n, id);
        }
        let earlier = self.answers[place].unwrap_or(Answer::NotSent);
        self.answers[place] = Some(together(earlier, answer));
    }

    fn note_id(&mut self, n: u64, id: Uuid) {
        if self.contents.is_invalid(n) {
            self.findings.add(FindingKind::InvalidAccepted, Some(n), format!("accepted as {id}"));
        }
        if let Some(Answer::Accepted(other)) = self.answer(n)
            && other != id
        {
            let what = format!("sent twice with one Idempotency-Key, and answered with {other} and {id}");
            self.findings.add(FindingKind::Duplicated, Some(n), what);
        }
        match self.accepted.insert(id, n) {
            Some(other) if other != n => {
                let what = format!("answered with {id}, and so was number {other}");
                self.findings.add(FindingKind::Duplicated, Some(n), what);
            }
            _ => {}
        }
    }

    /// The answer to submission n does not say what was sent.
    pub(crate) fn answered_otherwise(&mut self, n: u64, what: String) {
        self.findings.add(FindingKind::Changed, Some(n), what);
    }

    /// What was seen of submission n cannot be.
    pub(crate) fn seen_wrong(&mut self, n: u64, what: String) {
        self.findings.add(FindingKind::IllegalStep, Some(n), what);
    }

    /// This was asked of submission n.
    pub(crate) fn changed(&mut self, n: u64, change: Change) {
        self.changes.entry(n).or_default().push(change);
    }

    /// What came of submission n; `None` if it was not sent.
    pub(crate) fn answer(&self, n: u64) -> Option<Answer> {
        self.answers.get(usize::try_from(n).ok()?).copied().flatten()
    }

    /// The number of the submission that was accepted under this id.
    pub(crate) fn number(&self, id: Uuid) -> Option<u64> {
        self.accepted.get(&id).copied()
    }

    /// What was asked of submission n, in this order.
    pub(crate) fn changes(&self, n: u64) -> &[Change] {
        self.changes.get(&n).map_or(&[], Vec::as_slice)
    }

    /// How many retries were made, as far as their answers say.
    pub(crate) fn most_retries(&self) -> u64 {
        let changes = self.changes.values().flatten();
        changes.filter(|change| change.wish == Wish::Retry && change.reply != Reply::Refused).count() as u64
    }

    /// The contents of the run.
    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Each submission that was sent, with what came of it.
    pub(crate) fn sent(&self) -> impl Iterator<Item = (u64, Answer)> {
        (0..).zip(&self.answers).filter_map(|(n, answer)| Some((n, (*answer)?)))
    }

    /// How many had which answer.
    pub(crate) fn counts(&self) -> AnswerCounts {
        let mut counts = AnswerCounts::default();
        for (_, answer) in self.sent() {
            *match answer {
                Answer::NotSent => &mut counts.not_sent,
                Answer::Rejected => &mut counts.rejected,
                Answer::Unknown => &mut counts.unknown,
                Answer::Accepted(_) => &mut counts.accepted,
            } += 1;
        }
        counts
    }

    /// What is wrong with the answers alone.
    pub(crate) fn findings(&self) -> &Findings {
        &self.findings
    }
}

/// What is known after two answers to one submission. The first of two ids is kept.
fn together(earlier: Answer, later: Answer) -> Answer {
    match (earlier, later) {
        (Answer::Accepted(_), _) => earlier,
        (_, Answer::Accepted(_)) => later,
        (Answer::Unknown, _) | (_, Answer::Unknown) => Answer::Unknown,
        (Answer::Rejected, _) | (_, Answer::Rejected) => Answer::Rejected,
        (Answer::NotSent, Answer::NotSent) => Answer::NotSent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::submissions::content::Class;

    fn books() -> Books {
        Books::new(Contents { seed: 1, invalid_share: 0.0 })
    }

    #[test]
    fn what_may_be_there_stays_unknown_until_it_is_accepted() {
        let id = Uuid::from_u128(7);
        let mut books = books();
        for (n, answers) in [
            (0, &[Answer::Unknown, Answer::Rejected][..]),
            (1, &[Answer::Unknown, Answer::NotSent]),
            (2, &[Answer::NotSent, Answer::Rejected]),
            (3, &[Answer::Unknown, Answer::Accepted(id), Answer::Unknown]),
            (5, &[Answer::NotSent]),
        ] {
            answers.iter().for_each(|answer| books.answered(n, *answer));
        }
        assert_eq!(books.counts(), AnswerCounts { not_sent: 1, rejected: 1, unknown: 2, accepted: 1 });
        assert_eq!((books.number(id), books.answer(4), books.answer(9)), (Some(3), None, None));
        assert_eq!(books.findings(), &Findings::default());
    }

    #[test]
    fn a_retry_that_may_have_been_made_counts() {
        let mut books = books();
        for (n, wish, reply) in [
            (0, Wish::Retry, Reply::Made),
            (0, Wish::Cancel, Reply::Made),
            (0, Wish::Retry, Reply::Unknown),
            (1, Wish::Retry, Reply::Refused),
        ] {
            books.changed(n, Change { wish, reply });
        }
        assert_eq!(books.most_retries(), 2);
    }

    #[test]
    fn a_key_that_stands_for_two_ids_is_found() {
        let mut books = books();
        [7, 7, 8].into_iter().for_each(|id| books.answered(0, Answer::Accepted(Uuid::from_u128(id))));
        assert_eq!(books.findings().count(FindingKind::Duplicated), 1);
    }

    #[test]
    fn an_id_that_stands_for_two_submissions_is_found() {
        let mut books = books();
        [0, 1].into_iter().for_each(|n| books.answered(n, Answer::Accepted(Uuid::from_u128(7))));
        assert_eq!(books.findings().count(FindingKind::Duplicated), 1);
    }

    #[test]
    fn an_invalid_one_that_is_accepted_is_found() {
        let mut books = Books::new(Contents { seed: 1, invalid_share: 1.0 });
        assert_eq!(books.contents().planned(0).class, Class::Blank);
        books.answered(0, Answer::Accepted(Uuid::from_u128(7)));
        assert_eq!(books.findings().count(FindingKind::InvalidAccepted), 1);
    }

    #[test]
    fn an_answer_with_another_content_and_an_illegal_step_are_found() {
        let mut books = books();
        books.answered_otherwise(0, "`a`, not `b`".to_owned());
        books.seen_wrong(0, "it was final and changed".to_owned());
        let counts = [FindingKind::Changed, FindingKind::IllegalStep].map(|kind| books.findings().count(kind));
        assert_eq!(counts, [1, 1]);
    }
}
