//! The one connection that writes, on a thread of its own.
//!
//! Writes that wait at the same time share a transaction, and so one wait for the disk: while it takes a commit, the
//! next ones gather. But a large one is answered before the next begins: a worker then handles what it has claimed
//! while the writer settles, and neither waits for the other. Where one of several fails, all are undone, and each is
//! done again in a transaction of its own: savepoints would copy each page that changes. A write runs to its end even
//! if its caller goes away meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::errors::{closed, error};
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
    thread: JoinHandle<()>,
}

impl Writer {
    /// # Errors
    /// When there can be no more threads.
    pub(super) fn new(connection: Connection) -> std::io::Result<Self> {
        let (writes, waiting) = mpsc::channel(MOST_AT_ONCE);
        let thread = thread::Builder::new().name("sqlite-writer".to_owned());
        let thread = thread.spawn(move || write_all(connection, waiting))?;
        Ok(Self { open: Mutex::new(Some(Open { writes, thread })) })
    }

    /// Does this in a transaction, and returns once it is committed. What is undone is done again.
    ///
    /// # Errors
    /// Those of the statements and of the commit, and when the writer is closed.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let writes = self.open.lock().await.as_ref().map(|open| open.writes.clone()).ok_or_else(closed)?;
        let (caller, answer) = oneshot::channel();
        let write = Box::new(Waiting { work, result: None, caller });
        writes.send(write).await.map_err(|_| closed())?;
        answer.await.map_err(|_| StoreError("the write did not end".to_owned()))?
    }

    /// Ends after the writes that wait.
    pub(super) async fn close(&self) {
        if let Some(Open { writes, thread }) = self.open.lock().await.take() {
            drop(writes);
            // What is committed is in the file, even if the thread has panicked.
            spawn_blocking(|| thread.join()).await.ok();
        }
    }
}

/// A write and who waits for it, whatever its result is.
trait Write: Send {
    /// Returns whether it succeeded.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Hands the result to the caller, or what kept it from being committed.
    fn answer(self: Box<Self>, written: Result<(), Undone>);
}

/// Why a transaction was undone.
#[derive(Clone)]
enum Undone {
    /// One of its writes failed or panicked.
    ByOne,
    ByAll(StoreError),
}

struct Waiting<T, F> {
    work: F,
    /// That of the last time.
    result: Option<Result<T, StoreError>>,
    caller: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Write for Waiting<T, F>
where
    T: Send,
    F: Fn(&Connection) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = None;
        let result = (self.work)(connection).map_err(error);
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>, written: Result<(), Undone>) {
        let result = match (self.result, written) {
            (Some(Err(failed)), _) => Err(failed),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (_, Err(Undone::ByAll(error))) => Err(error),
            (_, Err(Undone::ByOne) | Ok(())) => Err(StoreError("the write did not end".to_owned())),
        };
        // A caller that is gone does not want to know.
        self.caller.send(result).ok();
    }
}

fn write_all(mut connection: Connection, mut waiting: mpsc::Receiver<Box<dyn Write>>) {
    let mut commit_time = Duration::ZERO;
    let mut group = Vec::with_capacity(MOST_AT_ONCE);
    while waiting.blocking_recv_many(&mut group, MOST_AT_ONCE) > 0 {
        while !group.is_empty() {
            let (count, written) = write(&mut connection, &mut group, &mut commit_time);
            let is_to_be_split = matches!(written, Err(Undone::ByOne)) && count > 1;
            for mut one in group.drain(..count) {
                let written = if is_to_be_split {
                    write(&mut connection, slice::from_mut(&mut one), &mut commit_time).1
                } else {
                    written.clone()
                };
                one.answer(written);
            }
        }
    }
}

/// Writes the first of these, and more as long as that takes less time than the last commit did. Returns how many.
fn write(
    connection: &mut Connection,
    group: &mut [Box<dyn Write>],
    commit_time: &mut Duration,
) -> (usize, Result<(), Undone>) {
    let by_all = |failed| Undone::ByAll(error(failed));
    // It begins with the lock, so it never has to be repeated because of others.
    let transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(failed) => return (group.len(), Err(by_all(failed))),
    };
    let (begun, mut count) = (Instant::now(), 0);
    let written = catch_unwind(AssertUnwindSafe(|| {
        for one in group {
            count += 1;
            if !one.run(&transaction) {
                // What is not committed is rolled back, as where one panics.
                return Err(Undone::ByOne);
            }
            if begun.elapsed() >= *commit_time {
                break;
            }
        }
        let written = Instant::now();
        transaction.commit().map_err(by_all)?;
        *commit_time = written.elapsed();
        Ok(())
    }));
    (count, written.unwrap_or(Err(Undone::ByOne)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(path: &std::path::Path) -> Writer {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("CREATE TABLE numbers (number INTEGER UNIQUE)").unwrap();
        Writer::new(connection).unwrap()
    }

    /// Writes these numbers, each of which can be there once.
    async fn insert(writer: &Writer, numbers: &'static [i64]) -> Result<i64, StoreError> {
        let insert = writer.write(move |connection| {
            for number in numbers {
                connection.execute("INSERT INTO numbers VALUES (?1)", [number])?;
            }
            Ok(numbers.iter().sum())
        });
        insert.await
    }

    fn all(path: &std::path::Path) -> Vec<i64> {
        let connection = Connection::open(path).unwrap();
        let mut numbers = connection.prepare("SELECT number FROM numbers ORDER BY number").unwrap();
        numbers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Keeps the writer busy until what it returns is dropped, so that what is written meanwhile waits together.
    async fn hold(writer: &Writer) -> std::sync::mpsc::Sender<()> {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (begun, mut begins) = mpsc::unbounded_channel();
        let held = writer.write(move |_| {
            begun.send(()).unwrap();
            released.recv().unwrap_err();
            Ok(())
        });
        // The write continues without its caller.
        tokio::select! {
            ended = held => panic!("it ended: {ended:?}"),
            _ = begins.recv() => {}
        }
        release
    }

    #[tokio::test]
    async fn of_writes_that_wait_together_one_that_fails_undoes_only_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.db");
        let writer = writer(&path);
        let held = hold(&writer).await;
        let (first, failing, last, ()) =
            tokio::join!(insert(&writer, &[1, 2]), insert(&writer, &[3, 1]), insert(&writer, &[4]), async {
                drop(held);
            });
        assert_eq!((first.unwrap(), last.unwrap()), (3, 4));
        assert!(failing.unwrap_err().to_string().contains("UNIQUE"));
        assert!(insert(&writer, &[5, 4]).await.is_err(), "alone it fails as well");
        assert_eq!(insert(&writer, &[6]).await.unwrap(), 6);
        assert_eq!(all(&path), [1, 2, 4, 6]);
    }

    #[tokio::test]
    async fn of_writes_that_wait_together_one_that_panics_undoes_only_itself() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.db");
        let writer = writer(&path);
        let held = hold(&writer).await;
        let panics = writer.write::<i64, _>(|_| panic!("on purpose"));
        let (first, panicked, ()) = tokio::join!(insert(&writer, &[1]), panics, async { drop(held) });
        assert_eq!(first.unwrap(), 1);
        assert!(panicked.is_err());
        assert_eq!(insert(&writer, &[2]).await.unwrap(), 2);
        assert_eq!(all(&path), [1, 2]);
    }

    #[tokio::test]
    async fn a_write_ends_without_its_caller_and_before_the_writer_closes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("numbers.db");
        let writer = writer(&path);
        let held = hold(&writer).await;
        // Polled once, it is on its way.
        let left = tokio::time::timeout(Duration::ZERO, insert(&writer, &[7]));
        assert!(left.await.is_err(), "it was done before it could be left");
        drop(held);
        writer.close().await;
        assert_eq!(all(&path), [7]);
        assert!(insert(&writer, &[8]).await.is_err());
        writer.close().await;
    }
}
