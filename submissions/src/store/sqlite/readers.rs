//! The connections that read, on threads that may wait.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::errors::{closed, error};
use super::file;
use crate::store::StoreError;

/// The most questions at a time, and connections.
const READERS: u32 = 4;

/// Answers questions until it is closed.
#[derive(Debug)]
pub(super) struct Readers {
    path: Arc<Path>,
    /// Connections that wait for a question. One is opened when it is needed for the first time.
    idle: Arc<Mutex<Vec<Connection>>>,
    /// A permit for each connection.
    room: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path: path.into(), idle: Arc::default(), room: Arc::new(Semaphore::new(READERS as usize)) }
    }

    /// Asks this.
    ///
    /// # Errors
    /// Those of the statements, and when it is closed.
    pub(super) async fn read<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| closed())?;
        let (path, idle) = (Arc::clone(&self.path), Arc::clone(&self.idle));
        let answer = spawn_blocking(move || {
            let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = waiting.map_or_else(|| file::reader(&path), Ok)?;
            let answer = question(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            // Only now, or the next question would find no connection.
            drop(room);
            answer
        });
        answer.await.map_err(|_| StoreError("the question did not end".to_owned()))?.map_err(error)
    }

    /// Waits for the answers that are on their way.
    pub(super) async fn close(&self) {
        if let Ok(all) = self.room.acquire_many(READERS).await {
            self.room.close();
            drop(all);
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}
