//! Which offsets of a topic hold its newest records. Pure.

use std::ops::Range;

/// The last offsets of each partition, `last` of them together: equal parts, and where a partition has less than its
/// part, the others have more.
pub(super) fn newest(partitions: &[(i32, Range<i64>)], last: u64) -> Vec<(i32, Range<i64>)> {
    let length = |offsets: &Range<i64>| u64::try_from(offsets.end - offsets.start).unwrap_or(0);
    let mut by_length: Vec<&(i32, Range<i64>)> = partitions.iter().collect();
    by_length.sort_by_key(|(_, offsets)| length(offsets));
    let (mut left, mut newest) = (last, Vec::new());
    for (index, (partition, offsets)) in by_length.iter().enumerate() {
        let others = (by_length.len() - index) as u64;
        let taken = length(offsets).min(left.div_ceil(others));
        left -= taken;
        let start = offsets.end - i64::try_from(taken).unwrap_or(i64::MAX);
        newest.push((*partition, start..offsets.end));
    }
    newest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_partition_leaves_its_part_to_the_others() {
        let partitions = [(0, 0..1000), (1, 5..8), (2, 100..200)];
        assert_eq!(newest(&partitions, 103), [(1, 5..8), (2, 150..200), (0, 950..1000)]);
        assert_eq!(newest(&[], 10), []);
    }

    proptest! {
        #[test]
        fn as_many_as_there_are_and_no_more(
            lengths in prop::collection::vec((0_i64..1000, 0_i64..300), 0..8),
            last in 0_u64..2000,
        ) {
            let of_partition = |(id, (start, length)): (i32, &(i64, i64))| (id, *start..start + length);
            let partitions: Vec<_> = (0..).zip(&lengths).map(of_partition).collect();
            let newest = newest(&partitions, last);
            let length = |(_, offsets): &(i32, Range<i64>)| (offsets.end - offsets.start) as u64;
            let count = |all: &[(i32, Range<i64>)]| all.iter().map(length).sum::<u64>();
            prop_assert_eq!(count(&newest), last.min(count(&partitions)));
            for (id, offsets) in &newest {
                let whole = &partitions[*id as usize].1;
                prop_assert!(offsets.end == whole.end && offsets.start >= whole.start);
            }
        }
    }
}
