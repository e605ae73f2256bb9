//! Room on the machine for tests that run at the same time: at most three pipelines under load, and one that measures
//! or goes as fast as it can has the machine for itself. Otherwise posts and Kafka's answers would be late.

use std::sync::{Condvar, Mutex, PoisonError};

/// How many pipelines may be under load at a time.
const PIPELINES: u32 = 3;

static FREE: Mutex<u32> = Mutex::new(PIPELINES);
static MORE: Condvar = Condvar::new();

/// A part of the machine, returned when this is dropped.
pub(crate) struct Room(u32);

impl Room {
    /// For a pipeline under a load that leaves room for another one.
    pub(crate) fn shared() -> Self {
        Self::of(1)
    }

    /// For a pipeline that takes the whole machine.
    pub(crate) fn alone() -> Self {
        Self::of(PIPELINES)
    }

    fn of(pipelines: u32) -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = MORE.wait_while(free, |free| *free < pipelines).unwrap_or_else(PoisonError::into_inner);
        *free -= pipelines;
        Self(pipelines)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += self.0;
        MORE.notify_all();
    }
}
