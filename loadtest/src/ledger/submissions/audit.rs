//! Compares every submission that the database holds after a run with what was sent, answered and asked for.

use std::collections::{BTreeMap, HashMap, HashSet};

use hdrhistogram::Histogram;
use serde::Serialize;

use super::books::{Answer, Books};
use super::changes::endings;
use super::content::Class;
use super::findings::{FindingKind, Findings};
use super::row::{Row, Status};

/// What a run's rows are judged by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Rows that were created earlier are not of this run; ms since 1970.
    pub(crate) since: i64,
    /// `MAX_ATTEMPTS` and the number of losses that end a series.
    pub(crate) max_failures: u32,
    pub(crate) max_losses: u32,
    /// Whether attempts are made to fail, so that some series end that way.
    pub(crate) may_give_up: bool,
}

/// What was found in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    /// Submissions of the run.
    pub(crate) rows: u64,
    /// Submissions that were there before.
    pub(crate) older: u64,
    /// By status.
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) cancelled: u64,
    /// Whose verdict came from the cache.
    pub(crate) cached: u64,
    /// In a series after the first.
    pub(crate) retried: u64,
    /// Whose answer is unknown, and which are there.
    pub(crate) unknown_there: u64,
    /// Begun more than once in their last series, and the attempts that ended without a verdict there, by cause.
    pub(crate) begun_again: u64,
    pub(crate) failures: u64,
    pub(crate) losses: u64,
    pub(crate) given_back: u64,
}

/// An audit, row by row.
pub(crate) struct Audit<'a> {
    books: &'a Books,
    terms: Terms,
    seen: HashSet<u64>,
    /// Submissions of unknown fate whose content is shared by several, by content.
    unknown: HashMap<String, Vec<u64>>,
    found: Found,
    findings: Findings,
    /// From acceptance to the final status, in microseconds.
    accept_to_final_us: Histogram<u64>,
}

/// What an audit has found.
pub(crate) struct Audited {
    pub(crate) found: Found,
    pub(crate) findings: Findings,
    /// From acceptance to the verdict in microseconds, of all that have one in their first series.
    pub(crate) accept_to_final_us: Histogram<u64>,
}

impl<'a> Audit<'a> {
    /// Nothing is seen yet. Times go into this histogram, which is empty.
    pub(crate) fn new(books: &'a Books, terms: Terms, accept_to_final_us: Histogram<u64>) -> Self {
        let mut unknown: HashMap<String, Vec<u64>> = HashMap::new();
        for (n, _) in books.sent().filter(|(_, answer)| *answer == Answer::Unknown) {
            let content = books.contents().planned(n).content;
            if books.contents().number(&content).is_none() {
                unknown.entry(content).or_default().push(n);
            }
        }
        let (seen, found, findings) = (HashSet::new(), Found::default(), Findings::default());
        Self { books, terms, seen, unknown, found, findings, accept_to_final_us }
    }

    /// A row of the database.
    pub(crate) fn row(&mut self, row: &Row) {
        if row.created_at < self.terms.since && self.books.number(row.id).is_none() {
            self.found.older += 1;
            return;
        }
        self.found.rows += 1;
        self.count(row);
        let Some(n) = self.number(row) else { return };
        if !self.seen.insert(n) {
            self.findings.add(FindingKind::Duplicated, Some(n), format!("{} is a second row of it", row.id));
        }
        self.judge(n, row);
    }

    /// What was accepted and not seen is missing.
    pub(crate) fn finish(mut self) -> Audited {
        let mut missing = BTreeMap::new();
        for (n, answer) in self.books.sent() {
            match answer {
                Answer::Accepted(id) if !self.seen.contains(&n) => _ = missing.insert(n, id),
                _ => {}
            }
        }
        for (n, id) in missing {
            self.findings.add(FindingKind::Missing, Some(n), format!("accepted as {id}"));
        }
        let Self { found, findings, accept_to_final_us, .. } = self;
        Audited { found, findings, accept_to_final_us }
    }

    fn count(&mut self, row: &Row) {
        let found = &mut self.found;
        match row.status {
            Status::Passed => found.passed += 1,
            Status::Failed => found.failed += 1,
            Status::Cancelled => found.cancelled += 1,
            Status::Pending | Status::Processing => {}
        }
        found.cached += u64::from(row.cached);
        found.retried += u64::from(row.series > 1);
        found.begun_again += u64::from(row.attempts > 1);
        found.failures += u64::from(row.failures);
        found.losses += u64::from(row.losses);
        found.given_back += u64::from(row.given_back);
    }

    /// The number of the submission that a row is; `None`, and a finding, if it is none that can be there.
    fn number(&mut self, row: &Row) -> Option<u64> {
        if let Some(n) = self.books.number(row.id) {
            return Some(n);
        }
        let n = match self.books.contents().number(&row.content) {
            Some(n) => Some(n),
            None => self.unknown.get_mut(&row.content).and_then(Vec::pop),
        };
        let (kind, what) = match n.and_then(|n| self.books.answer(n)) {
            Some(Answer::Unknown) => {
                self.found.unknown_there += 1;
                return n;
            }
            Some(Answer::Accepted(id)) => (FindingKind::Duplicated, format!("accepted as {id}, and also {}", row.id)),
            Some(Answer::Rejected) => (FindingKind::Unexpected, format!("rejected, and is {}", row.id)),
            Some(Answer::NotSent) | None => {
                (FindingKind::Unexpected, format!("not sent: {} `{}`", row.id, row.content))
            }
        };
        self.findings.add(kind, n, what);
        None
    }

    fn judge(&mut self, n: u64, row: &Row) {
        let planned = self.books.contents().planned(n);
        let mut add = |kind, what: String| self.findings.add(kind, Some(n), format!("{}: {what}", row.id));
        if row.content != planned.content {
            add(FindingKind::Changed, format!("`{}`, not `{}`", row.content, planned.content));
        }
        if !row.status.is_final() {
            add(FindingKind::Unfinished, format!("{:?}", row.status));
            return;
        }
        let endings = endings(self.books.changes(n));
        if !endings.series.contains(&row.series) {
            add(FindingKind::Miscounted, format!("in series {}, not in {:?}", row.series, endings.series));
        }
        if endings.left_verdict && planned.class == Class::Passing && !self.terms.may_give_up {
            add(FindingKind::IllegalStep, format!("tried again after it had passed: {:?}", self.books.changes(n)));
        }
        if let Some(what) = disorder(row) {
            add(FindingKind::Disordered, format!("{what}: {row:?}"));
        }
        let is_given_up = row.status == Status::Failed
            && (row.failures >= self.terms.max_failures || row.losses >= self.terms.max_losses);
        let open = row.attempts.checked_sub(row.setbacks());
        let is_counted = match row.status {
            // A cancel ends an attempt without counting it, or comes before the first.
            Status::Cancelled => matches!(open, Some(0 | 1)),
            _ if is_given_up => open == Some(0),
            _ => open == Some(1),
        };
        if !is_counted {
            add(
                FindingKind::Miscounted,
                format!("{} attempts, and {} without a verdict", row.attempts, row.setbacks()),
            );
        }
        if is_given_up {
            if !self.terms.may_give_up {
                let reason = row.reason.as_deref().unwrap_or_default();
                add(FindingKind::GivenUp, format!("after {} attempts: {reason}", row.attempts));
            }
            return;
        }
        let is_possible = if row.status == Status::Cancelled { endings.cancelled } else { endings.verdict };
        if !is_possible {
            add(FindingKind::WrongEnd, format!("{:?} after {:?}", row.status, self.books.changes(n)));
        } else if let Some(what) = wrong_verdict(planned.class, row) {
            add(FindingKind::WrongEnd, what);
        }
        if let (1, Status::Passed | Status::Failed, Some(processed_at)) = (row.series, row.status, row.processed_at) {
            let ms = u64::try_from(processed_at - row.created_at).unwrap_or(0);
            self.accept_to_final_us.saturating_record(ms * 1_000);
        }
    }
}

/// What is wrong with the times of a row whose status is final.
fn disorder(row: &Row) -> Option<&'static str> {
    let Some(processed_at) = row.processed_at else { return Some("final without a time") };
    let started_at = row.started_at.unwrap_or(row.created_at);
    if row.attempts > 0 && row.started_at.is_none() {
        return Some("begun without a time");
    }
    if started_at < row.created_at {
        return Some("begun before it was created");
    }
    if processed_at < started_at {
        return Some("final before it was begun");
    }
    (row.changed_at != processed_at).then_some("changed at another time than when it became final")
}

/// What is wrong with a verdict, if the row has one.
fn wrong_verdict(class: Class, row: &Row) -> Option<String> {
    let expected = match class {
        Class::Passing => Status::Passed,
        Class::Short | Class::WithoutDigit | Class::ShortWithoutDigit => Status::Failed,
        Class::Blank => return None,
    };
    if row.status == Status::Cancelled {
        return None;
    }
    if row.status != expected {
        return Some(format!("{:?}, not {expected:?}", row.status));
    }
    let reason = row.reason.as_deref().unwrap_or_default();
    let named = (reason.contains("characters"), reason.contains("digit"));
    let wanted = (
        matches!(class, Class::Short | Class::ShortWithoutDigit),
        matches!(class, Class::WithoutDigit | Class::ShortWithoutDigit),
    );
    (named != wanted).then(|| format!("the reason of a {class:?} content is `{reason}`"))
}

#[cfg(test)]
mod tests;
