//! Where in `waiting` a claim begins to look.
//!
//! What was claimed stays in the index as a dead entry until the next vacuum, a minute later perhaps, and each claim
//! from the start would walk over all of them. So a claim begins shortly before the last one that was claimed.
//! Something older can still turn up there, for instance when another claim was rolled back; now and then one begins at
//! the start.

use std::time::Duration;

use tokio::time::Instant;

/// How far before the last one to begin, in milliseconds: transactions need not commit in the order in which they
/// began.
const MARGIN: i64 = 250;

/// How often to begin at the start.
const WHOLE_LOOK: Duration = Duration::from_secs(1);

/// What is known of earlier claims.
#[derive(Debug, Default)]
pub(super) struct Front {
    latest: Option<i64>,
    looked_at: Option<Instant>,
}

impl Front {
    /// The `run_at` to begin at.
    pub(super) fn begin(&mut self, now: Instant) -> i64 {
        match (self.latest, self.looked_at) {
            (Some(latest), Some(looked_at)) if now < looked_at + WHOLE_LOOK => latest - MARGIN,
            _ => {
                self.looked_at = Some(now);
                i64::MIN
            }
        }
    }

    /// Something with this `run_at` was claimed, and nothing before it was left.
    pub(super) fn claimed(&mut self, run_at: i64) {
        self.latest = Some(run_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_begins_near_the_last_one_and_regularly_at_the_start() {
        let mut front = Front::default();
        let start = Instant::now();
        assert_eq!(front.begin(start), i64::MIN);
        assert_eq!(front.begin(start), i64::MIN);
        front.claimed(10_000);
        assert_eq!(front.begin(start + WHOLE_LOOK / 2), 9_750);
        front.claimed(12_000);
        assert_eq!(front.begin(start + WHOLE_LOOK), i64::MIN);
        assert_eq!(front.begin(start + WHOLE_LOOK + WHOLE_LOOK / 2), 11_750);
        // An older one that turned up is where to look next.
        front.claimed(5_000);
        assert_eq!(front.begin(start + WHOLE_LOOK + WHOLE_LOOK / 2), 4_750);
    }
}
