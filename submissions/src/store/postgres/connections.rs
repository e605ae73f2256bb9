//! The connections to PostgreSQL.
//!
//! sqlx's own pool asks the server twice a use whether a connection still works, and waits without a deadline for a
//! server that is frozen. Here a connection is reused only after a statement that went well, the last one first, and
//! each use has a deadline.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::database::Database;
use crate::store::StoreError;

/// The longest use, the wait for a connection included. Longer than the server's own limits, so that a server that
/// works says itself what took too long.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// Connections, at most a number of them at a time.
pub(super) struct Connections {
    database: Database,
    most: u32,
    permits: Semaphore,
    /// The one that was used last is at the end.
    idle: Mutex<Vec<PgConnection>>,
}

impl Connections {
    pub(super) fn new(database: Database, most: u32) -> Arc<Self> {
        Arc::new(Self { database, most, permits: Semaphore::new(most as usize), idle: Mutex::default() })
    }

    /// Does this with a connection. It runs to its end, or to the deadline, even if its caller goes away meanwhile.
    pub(super) async fn run<T, F>(self: &Arc<Self>, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send + 'static,
    {
        let connections = Arc::clone(self);
        // A connection whose use does not end in time is dropped, which closes it.
        let task = tokio::spawn(async move { timeout(DEADLINE, connections.run_once(work)).await });
        match task.await {
            Ok(Ok(done)) => done.map_err(|error| StoreError(error.to_string())),
            Ok(Err(_)) => Err(StoreError(format!("PostgreSQL did not answer within {DEADLINE:?}"))),
            Err(failed) => Err(StoreError(format!("the statement did not end: {failed}"))),
        }
    }

    async fn run_once<T, F>(&self, work: F) -> sqlx::Result<T>
    where
        F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, sqlx::Result<T>>,
    {
        let _permit: SemaphorePermit<'_> = self.permits.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.database.options_in_use()?).await?,
        };
        let done = work(&mut connection).await;
        match &done {
            Err(error) if is_broken(error) => {
                // The others are of the same age.
                self.idle().clear();
            }
            Ok(_) | Err(_) => self.idle().push(connection),
        }
        done
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<PgConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what runs and closes all connections. What comes later fails.
    pub(super) async fn close(&self) {
        // Each use has a deadline, so this ends.
        let all = self.permits.acquire_many(self.most).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for connection in idle {
            // A server that does not answer any more closes it by itself.
            timeout(Duration::from_secs(1), connection.close()).await.ok();
        }
    }
}

/// Whether the connection may be useless now. An error of the server itself leaves it as it was, unless the server is
/// going down (class 57P).
fn is_broken(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_some_and(|code| code.starts_with("57P")),
        _ => true,
    }
}
