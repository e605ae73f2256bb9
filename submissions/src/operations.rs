//! What people and programs ask for, without HTTP: the handlers of the API and of the page call the same functions.
//! Every wait for the store ends after `SUBMIT_TIMEOUT`.

use std::sync::Arc;
use std::time::Duration;

use service::Registry;
use uuid::Uuid;

use crate::metrics::{RetryCause, SubmissionMetrics};
use crate::queue::Announcer;
use crate::scope::Scope;
use crate::status::Status;
use crate::store::{Changed, Created, DeadLetter, DeadLetterKey, Listing, Stats, Store, StoreError, WorkerRow};
use crate::submission::{NewSubmission, Submission};
use crate::submit::{Fate, Full, Submitter};
use crate::{asking, content};

/// The most submissions of a page of a list.
pub const MAX_LIMIT: u32 = 200;

/// The submissions of a page of a list, unless it is said otherwise.
pub const DEFAULT_LIMIT: u32 = 50;

/// The most bytes that the contents of a page of a list take in JSON. A page has at least one submission.
pub const MAX_PAGE_BYTES: usize = 1_000_000;

/// The most submissions that are retried in one transaction.
const RETRY_BATCH: u32 = 1_000;

/// What people and programs can ask for.
pub struct Operations {
    store: Arc<dyn Store>,
    submitter: Submitter,
    max_content_chars: usize,
    stuck_after: Duration,
    timeout: Duration,
    metrics: SubmissionMetrics,
    announcer: Announcer,
}

/// What the operations are bound by.
#[derive(Debug, Clone, Copy)]
pub struct OperationsConfig {
    /// `MAX_CONTENT_CHARS`: the longest content, in characters.
    pub max_content_chars: usize,
    /// `STUCK_AFTER`: what is in PROCESSING for longer than this is stuck.
    pub stuck_after: Duration,
    /// `SUBMIT_TIMEOUT`: the longest wait for the store.
    pub timeout: Duration,
}

/// A submission that is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// As it is now.
    pub submission: Submission,
    /// Whether it is new; otherwise its `Idempotency-Key` stands for one that was there before.
    pub is_new: bool,
}

/// Why a submission is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitError {
    /// What its content must be, in words that follow `content`.
    Content(String),
    /// Its `Idempotency-Key` was used with another content.
    Conflict,
    /// Too many submissions wait for the store.
    Full,
    /// The store did not confirm it, for this reason: it may be there or not.
    Unknown(String),
}

/// The store did not do what it was asked to, for this reason, or not in time. A change may have been made anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(pub String);

/// A page of a list, from the newest to the oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The submissions.
    pub submissions: Vec<Submission>,
    /// Where the next page begins: [`Listing::after`] of it. `None` if there is none.
    pub next: Option<Uuid>,
}

/// A page of the list of dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterPage {
    /// The dead letters.
    pub letters: Vec<DeadLetter>,
    /// The last of them, if there is another page behind it.
    pub next: Option<DeadLetterKey>,
}

impl Operations {
    /// Asks this store. The submitter hands it what is new.
    pub fn new(store: Arc<dyn Store>, submitter: Submitter, config: OperationsConfig, registry: &Registry) -> Self {
        let OperationsConfig { max_content_chars, stuck_after, timeout } = config;
        let metrics = SubmissionMetrics::new(registry);
        let announcer = Announcer::default();
        Self { store, submitter, max_content_chars, stuck_after, timeout, metrics, announcer }
    }

    /// The same operations, which announce what becomes PENDING. No answer waits for that: the row is the promise.
    #[must_use]
    pub(crate) fn with_announcer(self, announcer: Announcer) -> Self {
        Self { announcer, ..self }
    }

    /// The longest content, in characters.
    pub fn max_content_chars(&self) -> usize {
        self.max_content_chars
    }

    /// What is wrong with a content, in words that follow its name; `None` if it can be submitted.
    pub fn content_error(&self, content: &str) -> Option<String> {
        content::error(content, self.max_content_chars)
    }

    /// Submits a content for this owner. With the key of an earlier request it is that request's submission, if the
    /// content is the same.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub async fn submit(
        &self,
        content: String,
        idempotency_key: Option<String>,
        owner: Option<Arc<str>>,
    ) -> Result<Accepted, SubmitError> {
        if let Some(error) = self.content_error(&content) {
            return Err(SubmitError::Content(error));
        }
        let new = NewSubmission { id: Uuid::now_v7(), content, idempotency_key, owner };
        let fate = self.submit_all(vec![new]).await?.pop();
        fate.unwrap_or_else(|| Err(SubmitError::Unknown("no result".to_owned())))
    }

    /// Submits all of these, whose contents are in order; one result for each, in their sequence.
    ///
    /// # Errors
    /// [`SubmitError::Full`] when there is not room for all of them. Then none is submitted.
    pub async fn submit_all(&self, new: Vec<NewSubmission>) -> Result<Vec<Result<Accepted, SubmitError>>, SubmitError> {
        let fates = self.submitter.submit(new).await.map_err(|Full| SubmitError::Full)?;
        let created = fates.iter().filter_map(|fate| match fate {
            Ok(Created::New(submission)) => Some(submission.id),
            _ => None,
        });
        let created: Vec<Uuid> = created.collect();
        self.metrics.taken_on(Status::Pending, created.len() as u64);
        self.announcer.announce(created);
        Ok(fates.into_iter().map(result).collect())
    }

    /// The most submissions that [`Self::submit_all`] ever has room for.
    pub fn max_waiting(&self) -> usize {
        self.submitter.max_waiting()
    }

    /// The submission with this id.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn get(&self, scope: &Scope, id: Uuid) -> Result<Option<Submission>, Unavailable> {
        self.in_time("get", self.store.get(scope, id)).await
    }

    /// A page of submissions. Its limit is at least 1 and at most [`MAX_LIMIT`]; it ends before, where its contents
    /// would take more than [`MAX_PAGE_BYTES`].
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn list(&self, scope: &Scope, listing: Listing) -> Result<Page, Unavailable> {
        let limit = listing.limit.clamp(1, MAX_LIMIT);
        // One more shows whether there is another page.
        let asked = self.store.list(scope, Listing { limit: limit + 1, ..listing });
        let mut submissions = self.in_time("list", asked).await?;
        let fitting = fitting(&submissions).min(limit as usize);
        let has_more = submissions.len() > fitting;
        submissions.truncate(fitting);
        let next = submissions.last().filter(|_| has_more).map(|last| last.id);
        Ok(Page { submissions, next })
    }

    /// A page of dead letters, those behind this one. Its limit is at least 1 and at most [`MAX_LIMIT`].
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn dead_letters(
        &self,
        scope: &Scope,
        after: Option<DeadLetterKey>,
        limit: u32,
    ) -> Result<DeadLetterPage, Unavailable> {
        let limit = limit.clamp(1, MAX_LIMIT);
        let mut letters = self.in_time("dead_letters", self.store.dead_letters(scope, after, limit + 1)).await?;
        let has_more = letters.len() > limit as usize;
        letters.truncate(limit as usize);
        let next = letters.last().filter(|_| has_more).map(|last| last.key);
        Ok(DeadLetterPage { letters, next })
    }

    /// Makes it CANCELLED, if it is not final.
    ///
    /// # Errors
    /// When the store does not confirm it.
    pub async fn cancel(&self, scope: &Scope, id: Uuid) -> Result<Changed, Unavailable> {
        let changed = self.in_time("cancel", self.store.cancel(scope, id)).await?;
        if let Changed::Made(_) = changed {
            self.metrics.taken_on(Status::Cancelled, 1);
        }
        Ok(changed)
    }

    /// Makes it PENDING in a new series of attempts, if it is FAILED or CANCELLED.
    ///
    /// # Errors
    /// When the store does not confirm it.
    pub async fn retry(&self, scope: &Scope, id: Uuid) -> Result<Changed, Unavailable> {
        let changed = self.in_time("retry", self.store.retry(scope, id)).await?;
        if let Changed::Made(_) = changed {
            self.note_retried(1);
            self.announcer.announce(vec![id]);
        }
        Ok(changed)
    }

    /// The same for all that have this status now, which is FAILED or CANCELLED. Returns how many it were. Where they
    /// must be announced, a sweeper does it.
    ///
    /// # Errors
    /// When the store does not confirm a part of them; the parts before it are retried.
    pub async fn retry_all(&self, scope: &Scope, status: Status) -> Result<u64, Unavailable> {
        let now = self.stats(scope).await?.in_status[status as usize];
        let (mut left, mut retried) = (u64::try_from(now).unwrap_or(0), 0);
        // Not until none is left: what is retried here may fail again meanwhile.
        while left > 0 {
            let limit = u32::try_from(left).unwrap_or(u32::MAX).min(RETRY_BATCH);
            let batch = self.in_time("retry_all", self.store.retry_all(scope, status, limit)).await?;
            self.note_retried(batch);
            if batch == 0 {
                break;
            }
            retried += batch;
            left = left.saturating_sub(batch);
        }
        Ok(retried)
    }

    /// The figures of the moment.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn stats(&self, scope: &Scope) -> Result<Stats, Unavailable> {
        self.in_time("stats", self.store.stats(scope, self.stuck_after)).await
    }

    /// All workers, by their names: for administrators alone.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub async fn workers(&self) -> Result<Vec<WorkerRow>, Unavailable> {
        self.in_time("workers", self.store.workers()).await
    }

    /// Submissions are tried again because somebody asked for it.
    fn note_retried(&self, submissions: u64) {
        self.metrics.taken_on(Status::Pending, submissions);
        self.metrics.retried(RetryCause::Manual, submissions);
    }

    async fn in_time<T>(
        &self,
        operation: &'static str,
        asked: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Unavailable> {
        asking::answer_within(self.timeout, asked).await.map_err(|StoreError(why)| {
            self.metrics.store_error(operation);
            tracing::debug!(operation, error = why, "the database did not answer");
            Unavailable(why)
        })
    }
}

/// How many of these fit into a page, from the first one on, which always does.
fn fitting(submissions: &[Submission]) -> usize {
    let mut bytes = 0;
    let fit = submissions.iter().take_while(|submission| {
        bytes += content::json_bytes(&submission.content);
        bytes <= MAX_PAGE_BYTES
    });
    fit.count().max(1)
}

/// What a submission's fate means.
fn result(fate: Fate) -> Result<Accepted, SubmitError> {
    match fate {
        Ok(Created::New(submission)) => Ok(Accepted { submission, is_new: true }),
        Ok(Created::Again(submission)) => Ok(Accepted { submission, is_new: false }),
        Ok(Created::Conflict) => Err(SubmitError::Conflict),
        Err(StoreError(why)) => Err(SubmitError::Unknown(why)),
    }
}
