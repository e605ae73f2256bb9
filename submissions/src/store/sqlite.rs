//! Submissions in a file of SQLite.
//!
//! One connection writes, the others read. Each is a thread of its own.

use std::path::Path;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{ConnectOptions, SqlitePool};
use tokio::sync::Notify;
use uuid::Uuid;

use self::writer::{Writer, error};
use super::batch::were_in_force;
use super::time::millis;
use super::{
    Beat, Changed, Created, DeadLetter, DeadLetterKey, Job, Listing, LostLease, Settlement, Stats, Store, StoreError,
    WorkerRow,
};
use crate::status::Status;
use crate::submission::{NewSubmission, Submission};

mod change;
mod claim;
mod counts;
mod create;
mod file;
mod pack;
#[cfg(test)]
mod plans;
mod read;
mod settle;
mod sweep;
mod workers;
mod writer;

/// Connections that read.
const READERS: u32 = 4;

/// Memory for the writer's pages, as SQLite's `cache_size`: negative, in KiB.
const WRITER_CACHE: &str = "-16384";

/// Rows on their way from a connection's thread: all of a batch, so that the thread need not wait for who takes them.
const ROW_BUFFER: usize = 4096;

/// A store in a file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
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
        file::prepare(&path)?;
        Self::open_file(&path).await
    }

    async fn open_file(path: &Path) -> anyhow::Result<Self> {
        let options = file::options(path).disable_statement_logging().row_buffer_size(ROW_BUFFER);
        let writer = file::connect(&options.clone().pragma("cache_size", WRITER_CACHE)).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false);
        Ok(Self {
            writer: Writer::new(writer),
            readers: readers.connect_lazy_with(options.read_only(true)),
            arrivals: Arc::default(),
            prune_after: StdMutex::new(Uuid::nil()),
        })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create(&self, new: &[NewSubmission]) -> Result<Vec<Created>, StoreError> {
        let new = new.to_vec();
        let created = self.writer.write(|connection| Box::pin(create::create(connection, new))).await?;
        if created.iter().any(|created| matches!(created, Created::New(_))) {
            self.arrivals.notify_one();
        }
        Ok(created)
    }

    async fn get(&self, id: Uuid) -> Result<Option<Submission>, StoreError> {
        read::get(&self.readers, id).await.map_err(error)
    }

    async fn list(&self, listing: Listing) -> Result<Vec<Submission>, StoreError> {
        read::list(&self.readers, listing).await.map_err(error)
    }

    async fn dead_letters(&self, after: Option<DeadLetterKey>, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        read::dead_letters(&self.readers, after, limit).await.map_err(error)
    }

    async fn cancel(&self, id: Uuid) -> Result<Changed, StoreError> {
        self.writer.write(move |connection| Box::pin(change::cancel(connection, id))).await
    }

    async fn retry(&self, id: Uuid) -> Result<Changed, StoreError> {
        let changed = self.writer.write(move |connection| Box::pin(change::retry(connection, id))).await?;
        if matches!(changed, Changed::Made(_)) {
            self.arrivals.notify_one();
        }
        Ok(changed)
    }

    async fn retry_all(&self, status: Status, limit: u32) -> Result<u64, StoreError> {
        let count = self.writer.write(move |connection| Box::pin(change::retry_all(connection, status, limit))).await?;
        if count > 0 {
            self.arrivals.notify_one();
        }
        Ok(count)
    }

    async fn stats(&self, stuck_after: Duration) -> Result<Stats, StoreError> {
        read::stats(&self.readers, millis(stuck_after)).await.map_err(error)
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        workers::all(&self.readers).await.map_err(error)
    }

    async fn join(&self, worker: Uuid, name: &str, concurrency: u32) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.writer.write(move |connection| Box::pin(workers::join(connection, worker, name, concurrency))).await
    }

    async fn beat(&self, worker: Uuid, running: u32) -> Result<Beat, StoreError> {
        self.writer.write(move |connection| Box::pin(workers::beat(connection, worker, running))).await
    }

    async fn leave(&self, worker: Uuid) -> Result<(), StoreError> {
        self.writer.write(move |connection| Box::pin(workers::leave(connection, worker))).await
    }

    async fn claim(&self, worker: Uuid, limit: u32) -> Result<Vec<Job>, StoreError> {
        let claimed = self.writer.write(move |connection| Box::pin(claim::claim(connection, worker, limit))).await?;
        claimed.jobs().map_err(error)
    }

    async fn claim_these(&self, worker: Uuid, ids: &[Uuid]) -> Result<Vec<Job>, StoreError> {
        let ids = ids.to_vec();
        let claimed =
            self.writer.write(move |connection| Box::pin(claim::claim_these(connection, worker, ids))).await?;
        claimed.jobs().map_err(error)
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        let batch = settlements.to_vec();
        let ended = self.writer.write(move |connection| Box::pin(settle::settle(connection, batch))).await?;
        if ended.is_any_pending {
            self.arrivals.notify_one();
        }
        Ok(were_in_force(settlements, ended.leases))
    }

    async fn lost_leases(
        &self,
        silence: Duration,
        work_timeout: Duration,
        limit: u32,
    ) -> Result<Vec<LostLease>, StoreError> {
        let (silence, work_timeout) = (millis(silence), millis(work_timeout));
        self.writer
            .write(move |connection| Box::pin(sweep::lost_leases(connection, silence, work_timeout, limit)))
            .await
    }

    async fn announce(&self, overdue: Duration, limit: u32) -> Result<Vec<Uuid>, StoreError> {
        let overdue = millis(overdue);
        self.writer.write(move |connection| Box::pin(sweep::announce(connection, overdue, limit))).await
    }

    async fn prune(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        let retention = millis(retention);
        let after = *self.prune_after.lock().unwrap_or_else(PoisonError::into_inner);
        let pruned =
            self.writer.write(move |connection| Box::pin(sweep::prune(connection, retention, after, limit))).await?;
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
