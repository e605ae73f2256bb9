//! Until when a record may be read from its topic again, and so until when its tombstone is kept. Pure.

use std::time::Duration;

/// What Kafka's own clean-up may take beyond the retention, differences between clocks included.
const MARGIN: Duration = Duration::from_secs(86_400);

/// How long Kafka may keep a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// No longer than this.
    For(Duration),
    /// Forever, as far as is known, for this reason.
    Forever(String),
}

/// What Kafka says about a topic's settings, or why it does not.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) cleanup_policy: Result<String, String>,
    pub(super) retention_ms: Result<String, String>,
    pub(super) segment_ms: Result<String, String>,
}

/// How long a record stays in a topic with these settings: a segment is removed when its newest record is beyond the
/// retention, and has records of `segment.ms`.
pub(super) fn kept(asked: &Asked) -> Kept {
    let known = |name: &str, value: &Result<String, String>| match value {
        Ok(value) => Ok(value.clone()),
        Err(reason) => Err(format!("Kafka does not say its {name} ({reason})")),
    };
    let milliseconds = |name: &str, value: &Result<String, String>| {
        let value = known(name, value)?;
        match value.parse::<i64>() {
            Ok(-1) => Err(format!("its {name} is unlimited")),
            Ok(number @ 0..) => Ok(Duration::from_millis(number.unsigned_abs())),
            _ => Err(format!("its {name} is {value}")),
        }
    };
    let time = || {
        if known("cleanup.policy", &asked.cleanup_policy)? != "delete" {
            return Err("it is compacted".to_owned());
        }
        let retention = milliseconds("retention.ms", &asked.retention_ms)?;
        Ok(retention.saturating_add(milliseconds("segment.ms", &asked.segment_ms)?).saturating_add(MARGIN))
    };
    time().map_or_else(Kept::Forever, Kept::For)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK_MS: &str = "604800000";

    fn asked(policy: &str, retention_ms: &str, segment_ms: &str) -> Asked {
        let [cleanup_policy, retention_ms, segment_ms] = [policy, retention_ms, segment_ms].map(|text| Ok(text.into()));
        Asked { cleanup_policy, retention_ms, segment_ms }
    }

    #[test]
    fn a_record_stays_for_the_retention_and_a_segment_and_a_day() {
        let days = |number: u64| Kept::For(Duration::from_secs(number * 86_400));
        assert_eq!(kept(&asked("delete", WEEK_MS, WEEK_MS)), days(15));
        assert_eq!(kept(&asked("delete", "0", "86400000")), days(2));
        let longest = i64::MAX.to_string();
        assert!(matches!(kept(&asked("delete", &longest, &longest)), Kept::For(time) if time > Duration::from_secs(1)));
    }

    #[test]
    fn what_is_unlimited_or_not_known_is_forever() {
        let forever = |asked: &Asked| match kept(asked) {
            Kept::Forever(why) => why,
            Kept::For(time) => panic!("{time:?}"),
        };
        assert_eq!(forever(&asked("delete", "-1", WEEK_MS)), "its retention.ms is unlimited");
        for policy in ["compact", "compact,delete", "delete,compact"] {
            assert_eq!(forever(&asked(policy, WEEK_MS, WEEK_MS)), "it is compacted");
        }
        assert_eq!(forever(&asked("delete", WEEK_MS, "-7")), "its segment.ms is -7");
        let unknown = Asked { segment_ms: Err("not allowed".to_owned()), ..asked("delete", WEEK_MS, WEEK_MS) };
        assert_eq!(forever(&unknown), "Kafka does not say its segment.ms (not allowed)");
    }
}
