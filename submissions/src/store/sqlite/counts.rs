//! How many submissions are in each status, kept in the transactions that change statuses.

use rusqlite::{Connection, params};

use crate::status::Status;

/// Changes of the counts.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By the number of the status.
    in_status: [i64; 5],
    dead_letters: i64,
}

impl Changes {
    /// This many are in this status now, or no longer if it is negative.
    pub(super) fn add(&mut self, status: Status, count: i64) -> &mut Self {
        self.in_status[status as usize] += count;
        self
    }

    /// This many dead letters are there now, or no longer if it is negative.
    pub(super) fn add_dead_letters(&mut self, count: i64) -> &mut Self {
        self.dead_letters += count;
        self
    }

    /// Enters the changes, if there are any.
    pub(super) fn apply(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.in_status.iter().all(|change| *change == 0) && self.dead_letters == 0 {
            return Ok(());
        }
        let [pending, processing, passed, failed, cancelled] = self.in_status;
        let mut update = connection.prepare_cached(
            "UPDATE status_counts SET pending = pending + ?1, processing = processing + ?2, passed = passed + ?3,
                failed = failed + ?4, cancelled = cancelled + ?5, dead_letters = dead_letters + ?6",
        )?;
        update.execute(params![pending, processing, passed, failed, cancelled, self.dead_letters])?;
        Ok(())
    }
}
