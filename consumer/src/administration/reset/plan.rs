//! Which offsets a reset commits, and what follows from each. Pure.

use kafka::group::OffsetReset;

/// Where to reset to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// The oldest record that is kept.
    Earliest,
    /// The end, as it is now.
    Latest,
    /// The first record that is as late as this, in ms since 1970.
    Time(i64),
    /// This offset.
    Offset(i64),
}

/// A partition as it is before the reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) partition: i32,
    pub(super) committed: Option<i64>,
    pub(super) first: i64,
    pub(super) end: i64,
    /// The first offset of the time that is asked for, if any record is as late.
    pub(super) at_time: Option<i64>,
}

/// What a reset does to one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) before: Before,
    /// Where the consumer would start without the reset.
    pub(super) start: i64,
    /// Where it starts after it.
    pub(super) new: i64,
}

impl Change {
    /// How many records are read that would not be read otherwise.
    pub(super) fn read_again(&self) -> u64 {
        u64::try_from(self.start - self.new).unwrap_or(0)
    }

    /// How many records are never read.
    pub(super) fn skipped(&self) -> u64 {
        u64::try_from(self.new - self.start).unwrap_or(0)
    }

    /// The lag after it.
    pub(super) fn lag(&self) -> u64 {
        u64::try_from(self.before.end - self.new).unwrap_or(0)
    }

    /// The difference in words.
    pub(super) fn difference(&self) -> String {
        match (self.read_again(), self.skipped()) {
            (0, 0) => "none".to_owned(),
            (0, skipped) => format!("{skipped} skipped"),
            (again, _) => format!("{again} read again"),
        }
    }
}

/// What becomes of each of these partitions. `otherwise` is where a consumer starts without a committed offset, or with
/// one that the partition does not have.
///
/// # Errors
/// Why one of them has no such offset.
pub(super) fn plan(to: To, partitions: &[Before], otherwise: OffsetReset) -> Result<Vec<Change>, String> {
    let change = |before: &Before| {
        let Before { partition, committed, first, end, at_time } = *before;
        let start = match (committed.filter(|committed| (first..=end).contains(committed)), otherwise) {
            (Some(committed), _) => committed,
            (None, OffsetReset::Earliest) => first,
            (None, OffsetReset::Latest) => end,
        };
        let new = match to {
            To::Earliest => first,
            To::Latest => end,
            // It may have been appended since the end was asked for.
            To::Time(_) => at_time.unwrap_or(end).clamp(first, end),
            To::Offset(offset) if (first..=end).contains(&offset) => offset,
            To::Offset(offset) => {
                return Err(format!("partition {partition} has the offsets {first} to {end}, and not {offset}"));
            }
        };
        Ok(Change { before: *before, start, new })
    };
    partitions.iter().map(change).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn before(committed: Option<i64>) -> Before {
        Before { partition: 0, committed, first: 40, end: 100, at_time: Some(70) }
    }

    #[test]
    fn each_place_is_found_and_its_difference_counted() {
        for (to, committed, new, difference) in [
            (To::Earliest, Some(90), 40, "50 read again"),
            (To::Latest, Some(90), 100, "10 skipped"),
            (To::Time(0), Some(90), 70, "20 read again"),
            (To::Offset(90), Some(90), 90, "none"),
            (To::Offset(100), None, 100, "60 skipped"),
            (To::Earliest, None, 40, "none"),
            (To::Earliest, Some(10), 40, "none"),
            (To::Earliest, Some(500), 40, "none"),
        ] {
            let changes = plan(to, &[before(committed)], OffsetReset::Earliest).unwrap();
            assert_eq!((changes[0].new, changes[0].difference().as_str()), (new, difference), "{to:?} {committed:?}");
        }
        let latest = plan(To::Earliest, &[before(None)], OffsetReset::Latest).unwrap();
        assert_eq!(latest[0].difference(), "60 read again");
        let later_than_all = Before { at_time: None, ..before(Some(90)) };
        assert_eq!(plan(To::Time(0), &[later_than_all], OffsetReset::Earliest).unwrap()[0].new, 100);
    }

    #[test]
    fn an_offset_that_a_partition_does_not_have_is_refused_with_those_it_has() {
        for offset in [0, 39, 101] {
            let error = plan(To::Offset(offset), &[before(None)], OffsetReset::Earliest).unwrap_err();
            assert_eq!(error, format!("partition 0 has the offsets 40 to 100, and not {offset}"));
        }
    }

    fn place() -> impl Strategy<Value = To> {
        prop_oneof![Just(To::Earliest), Just(To::Latest), Just(To::Time(0)), (0_i64..300).prop_map(To::Offset)]
    }

    proptest! {
        #[test]
        fn a_new_offset_is_one_that_the_partition_has_and_every_record_is_counted_once(
            (first, length) in (0_i64..100, 0_i64..100),
            committed in prop::option::of(0_i64..300),
            at_time in prop::option::of(0_i64..300),
            to in place(),
            is_latest: bool,
        ) {
            let before = Before { partition: 3, committed, first, end: first + length, at_time };
            let otherwise = if is_latest { OffsetReset::Latest } else { OffsetReset::Earliest };
            let Ok(changes) = plan(to, &[before], otherwise) else {
                prop_assert!(matches!(to, To::Offset(offset) if !(first..=first + length).contains(&offset)));
                return Ok(());
            };
            let change = changes[0];
            prop_assert!((first..=first + length).contains(&change.new));
            prop_assert!(change.read_again() == 0 || change.skipped() == 0);
            let lag_before = (before.end - change.start) as u64;
            prop_assert_eq!(lag_before + change.read_again(), change.lag() + change.skipped());
        }
    }
}
