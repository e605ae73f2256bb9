//! A task's turn on its thread. What computes for milliseconds would hold up every other task there, so now and then it
//! gives way to them.

use std::time::{Duration, Instant};

/// The longest turn, apart from what is done between two looks at the clock.
const LONGEST: Duration = Duration::from_micros(500);

/// A turn that has begun.
pub struct Turn(Instant);

impl Turn {
    /// Begins one.
    pub fn begin() -> Self {
        Self(Instant::now())
    }

    /// Lets others have the thread if this turn has lasted half a millisecond, and begins the next one.
    pub async fn give_way(&mut self) {
        if self.0.elapsed() >= LONGEST {
            tokio::task::yield_now().await;
            *self = Self::begin();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn another_task_runs_meanwhile() {
        let (is_done, others) = (Cell::new(false), Cell::new(0));
        let work = async {
            let mut turn = Turn::begin();
            while others.get() < 3 {
                turn.give_way().await;
            }
            is_done.set(true);
        };
        let other = async {
            while !is_done.get() {
                others.set(others.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(work, other);
    }
}
