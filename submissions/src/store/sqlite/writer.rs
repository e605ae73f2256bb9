//! The one connection that writes, in a task of its own.
//!
//! Writes that wait at the same time share a transaction, and so one wait for the disk: while it takes a commit, the
//! next ones gather. Each has a savepoint, so that one which fails undoes only itself. A write runs to its end even if
//! its caller goes away meanwhile.

use std::mem;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::{Connection, Sqlite, SqliteConnection, Transaction};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::store::StoreError;

/// Writes of one transaction at most, so that the first of them need not wait long for the last.
const MOST_AT_ONCE: usize = 16;

/// Takes writes until it is closed.
#[derive(Debug)]
pub(super) struct Writer {
    /// None once it is closed.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    writes: mpsc::Sender<Box<dyn Write>>,
    task: JoinHandle<()>,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection) -> Self {
        let (writes, waiting) = mpsc::channel(MOST_AT_ONCE);
        let task = tokio::spawn(write_all(connection, waiting));
        Self { open: Mutex::new(Some(Open { writes, task })) }
    }

    /// Does this in a transaction, and returns once it is committed.
    ///
    /// # Errors
    /// Those of the statements and of the commit, and when the writer is closed.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send + 'static,
    {
        let closed = || error(sqlx::Error::PoolClosed);
        let writes = self.open.lock().await.as_ref().map(|open| open.writes.clone()).ok_or_else(closed)?;
        let (caller, answer) = oneshot::channel();
        let write = Box::new(Waiting { state: State::New(work), caller });
        writes.send(write).await.map_err(|_| closed())?;
        answer.await.map_err(|_| StoreError("the write did not end".to_owned()))?
    }

    /// Ends after the writes that wait.
    pub(super) async fn close(&self) {
        if let Some(Open { writes, task }) = self.open.lock().await.take() {
            drop(writes);
            // What is committed is in the file, even if the task has panicked.
            task.await.ok();
        }
    }
}

pub(super) fn error(error: sqlx::Error) -> StoreError {
    StoreError(error.to_string())
}

/// A write and who waits for it, whatever its result is.
trait Write: Send {
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, sqlx::Result<()>>;

    /// Hands the result to the caller, or what kept it from being committed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Waiting<T, F> {
    state: State<T, F>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

enum State<T, F> {
    New(F),
    Done(T),
    Failed(StoreError),
}

impl<T, F> Write for Waiting<T, F>
where
    T: Send,
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, sqlx::Result<T>> + Send,
{
    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, sqlx::Result<()>> {
        Box::pin(async {
            let interrupted = State::Failed(StoreError("the write did not end".to_owned()));
            if let State::New(work) = mem::replace(&mut self.state, interrupted) {
                match work(connection).await {
                    Ok(done) => self.state = State::Done(done),
                    Err(failed) => {
                        self.state = State::Failed(StoreError(failed.to_string()));
                        return Err(failed);
                    }
                }
            }
            Ok(())
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match self.state {
            State::Failed(failed) => Err(failed),
            State::Done(done) => committed.map(|()| done),
            State::New(_) => committed.and(Err(StoreError("the write did not begin".to_owned()))),
        };
        // A caller that is gone does not want to know.
        self.caller.send(result).ok();
    }
}

async fn write_all(mut connection: SqliteConnection, mut waiting: mpsc::Receiver<Box<dyn Write>>) {
    let mut group = Vec::with_capacity(MOST_AT_ONCE);
    while waiting.recv_many(&mut group, MOST_AT_ONCE).await > 0 {
        let committed = match AssertUnwindSafe(commit(&mut connection, &mut group)).catch_unwind().await {
            Ok(committed) => committed.map_err(error),
            // What had begun is rolled back before the next transaction begins.
            Err(_) => Err(StoreError("a write panicked".to_owned())),
        };
        for write in group.drain(..) {
            write.answer(committed.clone());
        }
    }
    // Nothing is lost without it: what is committed is in the log.
    connection.close().await.ok();
}

async fn commit(connection: &mut SqliteConnection, group: &mut [Box<dyn Write>]) -> sqlx::Result<()> {
    // It begins with the lock, so it never has to be repeated.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    match group {
        [one] => one.run(&mut transaction).await?,
        several => {
            for write in several {
                run_alone(&mut **write, &mut transaction).await?;
            }
        }
    }
    transaction.commit().await
}

/// Undoes the write if it fails; an error is one of all.
async fn run_alone(write: &mut dyn Write, transaction: &mut Transaction<'_, Sqlite>) -> sqlx::Result<()> {
    let mut savepoint = transaction.begin().await?;
    match write.run(&mut savepoint).await {
        Ok(()) => savepoint.commit().await,
        Err(_) => savepoint.rollback().await,
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor;

    use super::*;

    async fn writer(path: &std::path::Path) -> Writer {
        let url = format!("sqlite:{}?mode=rwc", path.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        connection.execute("CREATE TABLE numbers (number INTEGER UNIQUE)").await.unwrap();
        Writer::new(connection)
    }

    /// Writes these numbers, each of which can be there once.
    async fn insert(writer: &Writer, numbers: &'static [i64]) -> Result<i64, StoreError> {
        let insert = writer.write(move |connection| {
            Box::pin(async move {
                for number in numbers {
                    sqlx::query("INSERT INTO numbers VALUES (?1)").bind(number).execute(&mut *connection).await?;
                }
                Ok(numbers.iter().sum())
            })
        });
        insert.await
    }

    async fn all(path: &std::path::Path) -> Vec<i64> {
        let mut connection = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
        let numbers = sqlx::query_scalar("SELECT number FROM numbers ORDER BY number");
        numbers.fetch_all(&mut connection).await.unwrap()
    }

    #[tokio::test]
    async fn of_writes_that_wait_together_one_that_fails_undoes_only_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.db");
        let writer = writer(&path).await;
        // Both are sent before the writer's task runs, so they share a transaction.
        let (first, failing, last) =
            tokio::join!(insert(&writer, &[1, 2]), insert(&writer, &[3, 1]), insert(&writer, &[4]));
        assert_eq!((first.unwrap(), last.unwrap()), (3, 4));
        assert!(failing.unwrap_err().to_string().contains("UNIQUE"));
        assert!(insert(&writer, &[5, 4]).await.is_err(), "alone it fails as well");
        assert_eq!(insert(&writer, &[6]).await.unwrap(), 6);
        assert_eq!(all(&path).await, [1, 2, 4, 6]);
    }

    #[tokio::test]
    async fn a_write_that_panics_undoes_what_it_shared_and_the_next_ones_go_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.db");
        let writer = writer(&path).await;
        let panics = writer.write::<i64, _>(|_| Box::pin(async { panic!("on purpose") }));
        let (first, panicked) = tokio::join!(insert(&writer, &[1]), panics);
        assert!(first.is_err() && panicked.is_err());
        assert_eq!(insert(&writer, &[2]).await.unwrap(), 2);
        assert_eq!(all(&path).await, [2]);
    }

    #[tokio::test]
    async fn a_write_ends_without_its_caller_and_before_the_writer_closes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.db");
        let writer = writer(&path).await;
        // Polled once, it is on its way.
        let left = tokio::time::timeout(std::time::Duration::ZERO, insert(&writer, &[7]));
        assert!(left.await.is_err(), "it was done before it could be left");
        writer.close().await;
        assert_eq!(all(&path).await, [7]);
        assert!(insert(&writer, &[8]).await.is_err());
        writer.close().await;
    }
}
