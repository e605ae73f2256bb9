//! Room on the machine for tests that run beside each other: one that starts many servers or measures takes more of it,
//! lest the others' posts are late.

use std::sync::{Condvar, Mutex, PoisonError};

static FREE: Mutex<u32> = Mutex::new(4);
static MORE: Condvar = Condvar::new();

/// A part of the machine, given back when it is dropped.
pub(crate) struct Room(u32);

impl Room {
    /// Waits for so many quarters of the machine.
    pub(crate) fn of(quarters: u32) -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = MORE.wait_while(free, |free| *free < quarters).unwrap_or_else(PoisonError::into_inner);
        *free -= quarters;
        Self(quarters)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *FREE.lock().unwrap_or_else(PoisonError::into_inner) += self.0;
        MORE.notify_all();
    }
}
