//! Submissions in a database of PostgreSQL, for API and workers in processes of their own.
//!
//! Each change is one statement: one message, one transaction, and at most one notification. What waits, and what is
//! leased, stands in small tables beside the submissions, whose own rows are then changed without a change of any
//! index.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use service::secrets::Secret;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use self::connections::Connections;
use self::database::Database;
use self::front::Front;
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
mod connections;
mod create;
mod database;
mod front;
mod listen;
#[cfg(test)]
mod plans;
mod read;
mod row;
mod schema;
mod settle;
mod sql;
mod sweep;
mod workers;

/// A store in a database.
pub struct PostgresStore {
    connections: Arc<Connections>,
    listener: AbortOnDropHandle<()>,
    arrivals: Arc<Notify>,
    front: Mutex<Front>,
    /// Where the next [`prune`](Store::prune) begins to look.
    prune_after: Mutex<Uuid>,
}

impl PostgresStore {
    /// Opens the database that this URL, `postgres://USER:PASSWORD@HOST/DATABASE`, names, with at most `pool`
    /// connections beside one that listens, and brings its schema up to date.
    ///
    /// # Errors
    /// When the URL is wrong, no server answers there, or the tables cannot be made.
    pub async fn open(url: &Secret, pool: u32) -> anyhow::Result<Self> {
        let database = Database::new(url.clone());
        schema::migrate(&database.options()?).await?;
        let arrivals = Arc::new(Notify::new());
        let listener = tokio::spawn(listen::listen(database.clone(), Arc::clone(&arrivals)));
        Ok(Self {
            connections: Connections::new(database, pool),
            listener: AbortOnDropHandle::new(listener),
            arrivals,
            front: Mutex::default(),
            prune_after: Mutex::new(Uuid::nil()),
        })
    }

    fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the database can be connected to.
///
/// # Errors
/// Why not, within a few seconds.
pub(crate) async fn reach_postgres(url: &Secret) -> anyhow::Result<()> {
    let options = Database::new(url.clone()).options()?;
    let connecting = PgConnection::connect_with(&options);
    let connection = tokio::time::timeout(connections::DEADLINE, connecting).await.context("no answer in time")??;
    connection.close().await.context("cannot end the connection")
}

#[async_trait]
impl Store for PostgresStore {
    async fn create(&self, new: &[NewSubmission]) -> Result<Vec<Created>, StoreError> {
        // The server would refuse the whole batch, and not say which one it is.
        if let Some(new) = new.iter().find(|new| new.content.contains('\0')) {
            return Err(StoreError(format!("the content of {} has U+0000, which PostgreSQL cannot store", new.id)));
        }
        let new = new.to_vec();
        self.connections.run(|connection| Box::pin(create::create(connection, new))).await
    }

    async fn get(&self, scope: &Scope, id: Uuid) -> Result<Option<Submission>, StoreError> {
        let scope = scope.clone();
        self.connections.run(move |connection| Box::pin(read::get(connection, scope, id))).await
    }

    async fn list(&self, scope: &Scope, listing: Listing) -> Result<Vec<Submission>, StoreError> {
        let scope = scope.clone();
        self.connections.run(move |connection| Box::pin(read::list(connection, scope, listing))).await
    }

    async fn dead_letters(
        &self,
        scope: &Scope,
        after: Option<DeadLetterKey>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let scope = scope.clone();
        self.connections.run(move |connection| Box::pin(read::dead_letters(connection, scope, after, limit))).await
    }

    async fn cancel(&self, scope: &Scope, id: Uuid) -> Result<Changed, StoreError> {
        let scope = scope.clone();
        self.connections.run(move |connection| Box::pin(change::cancel(connection, scope, id))).await
    }

    async fn retry(&self, scope: &Scope, id: Uuid) -> Result<Changed, StoreError> {
        let scope = scope.clone();
        self.connections.run(move |connection| Box::pin(change::retry(connection, scope, id))).await
    }

    async fn retry_all(&self, scope: &Scope, status: Status, limit: u32) -> Result<u64, StoreError> {
        let scope = scope.clone();
        self.connections.run(move |connection| Box::pin(change::retry_all(connection, scope, status, limit))).await
    }

    async fn stats(&self, scope: &Scope, stuck_after: Duration) -> Result<Stats, StoreError> {
        let scope = scope.clone();
        let stuck_after = millis(stuck_after);
        self.connections.run(move |connection| Box::pin(read::stats(connection, scope, stuck_after))).await
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        self.connections.run(|connection| Box::pin(workers::all(connection))).await
    }

    async fn join(&self, worker: Uuid, name: &str, concurrency: u32) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.connections.run(move |connection| Box::pin(workers::join(connection, worker, name, concurrency))).await
    }

    async fn beat(&self, worker: Uuid, running: u32) -> Result<Beat, StoreError> {
        self.connections.run(move |connection| Box::pin(workers::beat(connection, worker, running))).await
    }

    async fn leave(&self, worker: Uuid) -> Result<(), StoreError> {
        self.connections.run(move |connection| Box::pin(workers::leave(connection, worker))).await
    }

    async fn claim(&self, worker: Uuid, limit: u32) -> Result<Vec<Job>, StoreError> {
        let begin = self.front().begin(Instant::now());
        let claimed =
            self.connections.run(move |connection| Box::pin(claim::claim(connection, worker, limit, begin))).await?;
        if let Some(latest) = claimed.latest {
            self.front().claimed(latest);
        }
        Ok(claimed.jobs)
    }

    async fn claim_these(&self, worker: Uuid, ids: &[Uuid]) -> Result<Vec<Job>, StoreError> {
        let ids = ids.to_vec();
        self.connections.run(move |connection| Box::pin(claim::claim_these(connection, worker, ids))).await
    }

    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError> {
        let batch = settlements.to_vec();
        let ended = self.connections.run(|connection| Box::pin(settle::settle(connection, batch))).await?;
        Ok(were_in_force(settlements, ended))
    }

    async fn lost_leases(
        &self,
        silence: Duration,
        work_timeout: Duration,
        limit: u32,
    ) -> Result<Vec<LostLease>, StoreError> {
        let (silence, work_timeout) = (millis(silence), millis(work_timeout));
        self.connections
            .run(move |connection| Box::pin(sweep::lost_leases(connection, silence, work_timeout, limit)))
            .await
    }

    async fn announce(&self, overdue: Duration, limit: u32) -> Result<Vec<Uuid>, StoreError> {
        let overdue = millis(overdue);
        self.connections.run(move |connection| Box::pin(sweep::announce(connection, overdue, limit))).await
    }

    async fn prune(&self, retention: Duration, limit: u32) -> Result<u64, StoreError> {
        let retention = millis(retention);
        let after = *self.prune_after.lock().unwrap_or_else(PoisonError::into_inner);
        let pruned =
            self.connections.run(move |connection| Box::pin(sweep::prune(connection, retention, after, limit))).await?;
        *self.prune_after.lock().unwrap_or_else(PoisonError::into_inner) = pruned.after;
        Ok(pruned.count)
    }

    fn arrivals(&self) -> Arc<Notify> {
        Arc::clone(&self.arrivals)
    }

    async fn close(&self) {
        self.listener.abort();
        self.connections.close().await;
    }
}
