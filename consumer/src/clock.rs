//! The time of day, which dates of records are compared with.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The clocks of this process and of the store may be this far apart, in ms. Beyond it one of them is wrong.
const MOST_APART_MS: u64 = 60_000;

/// Why the time is not certain enough to call anything old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Uncertain {
    /// The store does not say what time it is, for this reason.
    NoAnswer(String),
    /// The store's clock is this far from ours, in ms.
    Apart(u64),
}

impl fmt::Display for Uncertain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(reason) => write!(f, "the store does not say what time it is: {reason}"),
            Self::Apart(ms) => write!(f, "the clocks of the consumer and the store are {} s apart", ms / 1000),
        }
    }
}

/// The time now, in ms since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().try_into().unwrap_or(i64::MAX)
}

/// The earlier one of two clocks: ours when the store was asked for its time, and the store's, if it says it. It
/// does so before ours showed `answered_ms`.
///
/// # Errors
/// When they are too far apart.
pub(crate) fn earlier(asked_ms: i64, store_ms: Option<i64>, answered_ms: i64) -> Result<i64, Uncertain> {
    let Some(store_ms) = store_ms else { return Ok(asked_ms) };
    // A slow answer is no difference between the clocks.
    let apart_ms = store_ms.abs_diff(store_ms.clamp(asked_ms, answered_ms.max(asked_ms)));
    if apart_ms > MOST_APART_MS { Err(Uncertain::Apart(apart_ms)) } else { Ok(asked_ms.min(store_ms)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slow_answer_is_no_difference() {
        assert_eq!(earlier(1_000_000, Some(1_110_000), 1_120_000), Ok(1_000_000));
        assert_eq!(earlier(1_000_000, Some(1_180_001), 1_120_000), Err(Uncertain::Apart(60_001)));
        assert_eq!(earlier(1_000_000, Some(939_999), 1_120_000), Err(Uncertain::Apart(60_001)));
        let shown = Uncertain::Apart(7_200_900).to_string();
        assert_eq!(shown, "the clocks of the consumer and the store are 7200 s apart");
    }

    proptest! {
        #[test]
        fn no_time_is_later_than_either_clock(asked_ms: i64, store_ms: Option<i64>, answered_ms: i64) {
            if let Ok(time_ms) = earlier(asked_ms, store_ms, answered_ms) {
                prop_assert!(time_ms <= asked_ms && store_ms.is_none_or(|store_ms| time_ms <= store_ms));
                prop_assert!(asked_ms.abs_diff(time_ms) <= MOST_APART_MS);
            }
        }

        #[test]
        fn clocks_of_one_minute_agree(asked_ms in -1_000_000..2_000_000_000_000_i64, apart_ms in -99_000..99_000_i64) {
            let is_certain = earlier(asked_ms, Some(asked_ms + apart_ms), asked_ms).is_ok();
            prop_assert_eq!(is_certain, apart_ms.unsigned_abs() <= MOST_APART_MS);
        }
    }
}
