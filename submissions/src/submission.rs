//! A submission as the store keeps it and the API shows it.

use std::sync::Arc;

use uuid::Uuid;

use crate::status::Status;

/// A submission to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubmission {
    /// Its id, a UUID of version 7: ids sort by the time at which they were made.
    pub id: Uuid,
    /// What was submitted. It has no U+0000, which PostgreSQL cannot store.
    pub content: String,
    /// The client's `Idempotency-Key`, if it sent one: a later request with the same key gets this submission.
    pub idempotency_key: Option<String>,
    /// The caller that submits it, if it was asked who it is.
    pub owner: Option<Arc<str>>,
}

/// A submission. Times are milliseconds since 1970 by the clock of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its id.
    pub id: Uuid,
    /// What was submitted.
    pub content: String,
    /// Where it stands.
    pub status: Status,
    /// Which series of attempts it is in, from 1; each manual retry begins another one.
    pub series: i32,
    /// Attempts begun in this series.
    pub begun: i32,
    /// Those of them that failed or took too long.
    pub failures: i32,
    /// Those of them whose worker was gone.
    pub losses: i32,
    /// Those of them that a stopping worker gave back.
    pub given_back: i32,
    /// Why it failed, or why its last attempt did.
    pub reason: Option<String>,
    /// Whether its verdict came from the cache.
    pub is_cached: bool,
    /// When it was submitted.
    pub created_at: i64,
    /// When its last attempt began.
    pub started_at: Option<i64>,
    /// When it became final.
    pub processed_at: Option<i64>,
    /// When it took on its status.
    pub changed_at: i64,
    /// When it may be claimed, if it is pending.
    pub run_at: i64,
    /// The caller that submitted it, if it was asked who it is.
    pub owner: Option<Arc<str>>,
}
