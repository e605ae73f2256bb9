//! The clock that dates documents, beside the one that measures: what a moment of the second is on the first.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Both clocks at one moment. It is read again for each use, because the wall clock may be set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    instant: Instant,
    ms_since_1970: i64,
}

impl WallClock {
    /// Both clocks now.
    pub(crate) fn now() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), ms_since_1970: i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX) }
    }

    /// A past moment in ms since 1970, rounded down.
    pub(crate) fn ms_at(&self, moment: Instant) -> i64 {
        let ago = self.instant.saturating_duration_since(moment);
        self.ms_since_1970.saturating_sub(i64::try_from(ago.as_micros().div_ceil(1_000)).unwrap_or(i64::MAX))
    }
}
