//! Submissions in a file of SQLite.
//!
//! One connection writes, on a thread of its own, and the others read. Statements are called where they run, one row
//! at a time: each is a matter of microseconds, where a message to a thread and back is many.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use self::readers::Readers;
use self::writer::Writer;
use super::batch::were_in_force;
use super::time::millis;
use super::{
    Beat, Changed, Created, DeadLetter, DeadLetterKey, Job, Listing, LostLease, Settlement, Stats, Store, StoreError,
    WorkerRow,
};
use crate::scope::Scope;
use crate::status::Status;
use crate::submission::{NewSubmission, Submission};

mod change;
mod claim;
mod counts;
mod create;
mod errors;
mod file;
#[cfg(test)]
mod plans;
mod read;
mod readers;
mod row;
mod settle;
mod sweep;
mod workers;
mod writer;

/// A store in a file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: Readers,
    arrivals: Arc<Notify>,
    /// Where the next [`prune`](Store::prune) begins to look.
    prune_after: StdMutex<Uuid>,
}

impl SqliteStore {
    /// Opens the file that this URL, `sqlite:FILE`, names. Makes it if it is missing.
    ///
    /// # Errors
    /// When it cannot be made, read and written, is not a database, or holds the tables of another program.
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        let path = file::path(url)?;
        let (path, connection) = spawn_blocking(|| {
            file::prepare(&path)?;
            let connection = file::writer(&path)?;
            anyhow::Ok((path, connection))
        })
        .await??;
        Ok(Self {
            writer: Writer::new(connection)?,
            readers: Readers::new(path),
            arrivals: Arc::default(),
            prune_after: StdMutex::new(Uuid::nil()),
        })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create(&self, new: &[NewSubmission]) -> Result<Vec<Created>, StoreError> {
        let new = new.to_vec();
        let created = self.writer.write(move |connection| create::create(connection, &new)).await?;
        if created.iter().any(|created| matches!(created, Created::New(_))) {
            self.arrivals.notify_one();
        }
        Ok(created)
    }

    async fn get(&self, scope: &Scope, id: Uuid) -> Result<Option<Submission>, StoreError> {
        let scope = scope.clone();
        self.readers.read(move |connection| read::get(connection, &scope, id)).await
    }

    async fn list(&self, scope: &Scope, listing: Listing) -> Result<Vec<Submission>, StoreError> {
        let scope = scope.clone();
        self.readers.read(move |connection| read::list(connection, &scope, listing)).await
    }

    async fn dead_letters(
        &self,
        scope: &Scope,
        after: Option<DeadLetterKey>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let scope = scope.clone();
        self.readers.read(move |connection| read::dead_letters(connection, &scope, after, limit)).await
    }

    async fn cancel(&self, scope: &Scope, id: Uuid) -> Result<Changed, StoreError> {
        let scope = scope.clone();
        self.writer.write(move |connection| change::cancel(connection, &scope, id)).await
    }

    async fn retry(&self, scope: &Scope, id: Uuid) -> Result<Changed, StoreError> {
        let scope = scope.clone();
        let changed = self.writer.write(move |connection| change::retry(connection, &scope, id)).await?;
        if matches!(changed, Changed::Made(_)) {
            self.arrivals.notify_one();
        }
        Ok(changed)
    }

    async fn retry_all(&self, scope: &Scope, status: Status, limit: u32) -> Result<u64, StoreError> {
        let scope = scope.clone();
        let retry = move |connection: &Connection| change::retry_all(connection, &scope, status, limit);
        let count = self.writer.write(retry).await?;
        if count > 0 {
            self.arrivals.notify_one();
        }
        Ok(count)
    }

    async fn stats(&self, scope: &Scope, stuck_after: Duration) -> Result<Stats, StoreError> {
        let scope = scope.clone();
        self.readers.read(move |connection| read::stats(connection, &scope, millis(stuck_after))).await
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        self.readers.read(workers::all).await
    }

    async fn join(&self, worker: Uuid, name: &str, concurrency: u32) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.writer.write(move |connection| workers::join(connection, worker, &name, concurrency)).await
    }

    async fn beat(&self, worker: Uuid, running: u32) -> Result<Beat, StoreError> {
        self.writer.write(move |connection| workers::beat(connection, worker, running)).await
    }

    async fn leave(&self, worker: Uuid) -> Result<(), StoreError> {
        self.writer.write(move |connection| workers::leave(connection, worker)).await
    }

    async fn claim(&self, worker: Uuid, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.writer.write(move |connection| claim::claim(connection, worker, limit)).await
    }

    async fn claim_these(&self, worker: Uuid, ids: &[Uuid]) -> Result<Vec<Job>, StoreError> {
        let ids = ids.to_vec();
        self.writer.write(move |connection| claim::claim_these(connection, worker, &ids)).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        let batch = settlements.to_vec();
        let ended = self.writer.write(move |connection| settle::settle(connection, &batch)).await?;
        if ended.is_any_pending {
            self.arrivals.notify_one();
        }
        Ok(were_in_force(settlements, ended.leases.into_iter().collect()))
    }

    async fn lost_leases(
        &self,
        silence: Duration,
        work_timeout: Duration,
        limit: u32,
    ) -> Result<Vec<LostLease>, StoreError> {
        let (silence, work_timeout) = (millis(silence), millis(work_timeout));
        self.writer.write(move |connection| sweep::lost_leases(connection, silence, work_timeout, limit)).await
    }

    async fn announce(&self, overdue: Duration, limit: u32) -> Result<Vec<Uuid>, StoreError> {
        let overdue = millis(overdue);
        self.writer.write(move |connection| sweep::announce(connection, overdue, limit)).await
    }

    async fn prune(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        let retention = millis(retention);
        let after = *self.prune_after.lock().unwrap_or_else(PoisonError::into_inner);
        let pruned = self.writer.write(move |connection| sweep::prune(connection, retention, after, limit)).await?;
        *self.prune_after.lock().unwrap_or_else(PoisonError::into_inner) = pruned.after;
        Ok(pruned.count)
    }

    fn arrivals(&self) -> Arc<Notify> {
        Arc::clone(&self.arrivals)
    }

    async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}
