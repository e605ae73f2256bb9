//! What a group has finished in a topic, and what it has not.

/// A group's progress in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub partition: i32,
    /// The group's committed offset, if it has committed.
    pub committed: Option<i64>,
    /// Offset of the oldest record that is kept.
    pub low: i64,
    /// Offset that the next record will get.
    pub end: i64,
}

impl Progress {
    /// The first record that the group has not finished.
    pub fn next(self) -> i64 {
        self.committed.unwrap_or(self.low).max(self.low)
    }

    /// How many records the group has not finished.
    pub fn lag(self) -> u64 {
        u64::try_from(self.end - self.next()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_from_the_commit_or_from_the_oldest_record() {
        let lag = |committed, low, end| Progress { partition: 0, committed, low, end }.lag();
        assert_eq!(lag(Some(90), 0, 100), 10);
        assert_eq!(lag(None, 40, 100), 60);
        assert_eq!(lag(Some(10), 40, 100), 60, "records that are gone are nobody's lag");
        assert_eq!(lag(Some(110), 0, 100), 0);
    }
}
