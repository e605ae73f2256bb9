//! What the generator's threads record together: the number of the next post, the ledger, and the file of accepted ids.
//! Each thread counts on its own; once a second it hands over the answers to all its posts.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use contract::PostId;

use crate::ledger::accepted_ids::{AcceptedLog, FinishedLog};
use crate::ledger::audit_book::{AuditBook, SentRequest};
use crate::ledger::books::{Ledger, Reply, SentPost};
use crate::load::share::RunShare;
use crate::load::visible::sampler::Sampler;
use crate::load::wall_clock::WallClock;

/// A post that was sent, and what its client got.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    pub(crate) n: u64,
    pub(crate) reply: Reply,
    /// Whether what became of any of its requests is unknown.
    pub(crate) was_unknown: bool,
    /// When it was sent for the first time, and when its last answer came.
    pub(crate) sent: Instant,
    pub(crate) ended: Instant,
}

/// The shared records of a run.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// The post numbers to give out.
    share: RunShare,
    next: AtomicU64,
    /// The number of records after which no more are given out.
    limit: u64,
    accepted: AtomicU64,
    /// Chooses posts to look for in the store.
    sampler: Option<Arc<Sampler>>,
    /// Whether requests are noted, too, to compare them with the audit log.
    is_audited: bool,
    book: Mutex<Book>,
}

/// All that was recorded.
pub(crate) struct Recorded {
    pub(crate) ledger: Ledger,
    pub(crate) accepted_ids: FinishedLog,
    /// The requests, if they were noted.
    pub(crate) audit: Option<AuditBook>,
}

#[derive(Debug)]
struct Book {
    ledger: Ledger,
    accepted: AcceptedLog,
    audit: Option<AuditBook>,
    /// The first error of writing the file; the ledger continues without it.
    fault: Option<io::Error>,
}

impl Recorder {
    /// An empty book; the accepted ids go to this file.
    pub(crate) fn create(accepted_ids: &Path) -> anyhow::Result<Self> {
        let accepted = AcceptedLog::create(accepted_ids)
            .with_context(|| format!("cannot create {}: choose another --report", accepted_ids.display()))?;
        let book = Book { ledger: Ledger::default(), accepted, audit: None, fault: None };
        Ok(Self {
            share: RunShare::WHOLE,
            next: AtomicU64::new(0),
            limit: u64::MAX,
            accepted: AtomicU64::new(0),
            sampler: None,
            is_audited: false,
            book: Mutex::new(book),
        })
    }

    /// Gives out only the numbers of this share of the run.
    pub(crate) fn with_share(self, share: RunShare) -> Self {
        Self { share, ..self }
    }

    /// Gives out only this number of records, if there is a limit.
    pub(crate) fn with_limit(self, records: Option<u64>) -> Self {
        Self { limit: records.unwrap_or(u64::MAX), ..self }
    }

    /// Accepted posts are also offered to this sampler.
    pub(crate) fn with_sampler(self, sampler: Option<Arc<Sampler>>) -> Self {
        Self { sampler, ..self }
    }

    /// The requests are noted in this book, too.
    pub(crate) fn with_audit(mut self, audit: AuditBook) -> Self {
        self.is_audited = true;
        self.book.get_mut().unwrap_or_else(PoisonError::into_inner).audit = Some(audit);
        self
    }

    /// Whether requests are noted.
    pub(crate) fn is_audited(&self) -> bool {
        self.is_audited
    }

    /// The numbers of the next request's records, at most `count`; none once the limit is reached. Each number is given
    /// out once.
    pub(crate) fn next(&self, count: u32) -> impl Iterator<Item = u64> {
        let first = self.next.fetch_add(u64::from(count), Ordering::Relaxed);
        let (own, share) = (first..first.saturating_add(u64::from(count)).min(self.limit), self.share);
        own.map(move |own| share.number(own))
    }

    /// The number of posts accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Record `n` of this user has just been accepted under this id. It is [written down](Self::write) later. Records
    /// of the warm-up are not looked for in the store, since no figure includes them.
    pub(crate) fn has_accepted(&self, n: u64, vu: u32, id: PostId, is_warm_up: bool) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
        if let Some(sampler) = self.sampler.as_ref().filter(|_| !is_warm_up) {
            sampler.accepted(n, vu, id);
        }
    }

    /// These posts were sent, and this is what the client got for each; in these requests, if they are noted.
    pub(crate) fn write(&self, answers: &[Answered], requests: &[SentRequest]) {
        let clock = WallClock::now();
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        for Answered { n, reply, was_unknown, sent, ended } in answers {
            // Both are rounded down.
            let (sent_ms, ended_ms) = (clock.ms_at(*sent), clock.ms_at(*ended) + 1);
            book.ledger.answered(SentPost { n: *n, reply: *reply, was_unknown: *was_unknown, sent_ms, ended_ms });
            if let Reply::Accepted(id) = reply
                && let Err(fault) = book.accepted.add(*n, *id)
            {
                book.fault.get_or_insert(fault);
            }
        }
        if let Some(audit) = &mut book.audit {
            requests.iter().for_each(|request| audit.sent(*request));
        }
    }

    /// What was recorded, once nobody writes any more.
    ///
    /// # Errors
    /// When the file could not be written.
    pub(crate) fn finish(self) -> anyhow::Result<Recorded> {
        let book = self.book.into_inner().unwrap_or_else(PoisonError::into_inner);
        let cannot = "cannot write the accepted ids beside the report: is the disk full?";
        if let Some(fault) = book.fault {
            return Err(fault).context(cannot);
        }
        let accepted_ids = book.accepted.finish().context(cannot)?;
        Ok(Recorded { ledger: book.ledger, accepted_ids, audit: book.audit })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn numbers_are_given_out_once_and_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = || Recorder::create(&folder.path().join("accepted.ids")).unwrap();
        let limited = recorder().with_limit(Some(7));
        let given: Vec<Vec<u64>> = [1, 3, 2, 4, 1, 1].map(|count| limited.next(count).collect()).into();
        assert_eq!(given, [vec![0], vec![1, 2, 3], vec![4, 5], vec![6], vec![], vec![]]);
        let shared = recorder().with_share("2/3".parse().unwrap());
        assert_eq!(shared.next(2).chain(shared.next(1)).collect::<Vec<_>>(), [1, 4, 7]);
    }

    #[test]
    fn posts_of_the_warm_up_are_accepted_but_not_looked_for() {
        let (folder, sampler) = (tempfile::tempdir().unwrap(), Arc::new(Sampler::new(1.0, false)));
        let recorder = Recorder::create(&folder.path().join("accepted.ids")).unwrap();
        let recorder = recorder.with_sampler(Some(Arc::clone(&sampler)));
        for (n, is_warm_up) in [(1, true), (2, false), (3, true)] {
            recorder.has_accepted(n, 0, Uuid::nil().into(), is_warm_up);
        }
        // Without an id, each post that would be looked for is counted.
        assert_eq!((recorder.accepted(), sampler.without_id()), (3, 1));
    }
}
