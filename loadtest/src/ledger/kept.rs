//! How long a pipeline keeps documents: what is older may be gone without a fault. Pure.

use std::time::Duration;

use super::reconcile::CLOCK_SKEW;

/// The documents that must still be there.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kept {
    /// Those whose date is not before this, in ms since 1970; all of them without it.
    since_ms: Option<i64>,
}

impl Kept {
    /// What a retention kept until `now_ms`, when the store had been read. Clocks may differ a little.
    pub(crate) fn by(retention: Option<Duration>, now_ms: i64) -> Self {
        let start = |retention: Duration| now_ms.saturating_sub(retention.as_millis() as i64);
        Self { since_ms: retention.map(|time| start(time).saturating_add(CLOCK_SKEW.as_millis() as i64)) }
    }

    /// Whether a document with this date may have been removed.
    pub(crate) fn may_be_removed(self, date_ms: i64) -> bool {
        self.since_ms.is_some_and(|since_ms| date_ms < since_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_older_than_the_retention_may_be_gone() {
        let kept = Kept::by(Some(Duration::from_secs(10)), 100_000);
        assert!(kept.may_be_removed(89_999) && kept.may_be_removed(90_099), "clocks differ by a tenth of a second");
        assert!(!kept.may_be_removed(90_100) && !kept.may_be_removed(i64::MAX));
        for forever in [Kept::by(None, 100_000), Kept::default()] {
            assert!(!forever.may_be_removed(i64::MIN));
        }
    }
}
