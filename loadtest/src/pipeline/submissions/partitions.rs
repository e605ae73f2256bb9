//! Which partitions of the queue's topic a worker holds, by its metrics. Pure.

use std::collections::BTreeSet;

/// A row for each partition that a member of the group holds.
const LAG: &str = "kafka_consumergroup_lag{";

/// The partitions on a worker's page of metrics.
pub(crate) fn held(page: &str) -> BTreeSet<u32> {
    let labels = page.lines().filter_map(|line| line.strip_prefix(LAG));
    labels.filter_map(|labels| labels.split_once("partition=\"")?.1.split('"').next()?.parse().ok()).collect()
}

/// Whether the workers hold all partitions together and each of them holds some; or there are none.
pub(crate) fn is_shared(shares: &[BTreeSet<u32>], partitions: u32) -> bool {
    let held: BTreeSet<u32> = shares.iter().flatten().copied().collect();
    partitions == 0 || held.len() == partitions as usize && shares.iter().all(|share| !share.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_the_lag_is_a_partition() {
        let page = "# TYPE kafka_consumergroup_lag gauge\n\
            kafka_consumergroup_lag{kind=\"submission\",topic=\"a\",partition=\"3\"} 0\n\
            kafka_consumergroup_lag{partition=\"11\",topic=\"a\"} 7\nkafka_consumergroup_lag_sum 7\n";
        assert_eq!(held(page), [3, 11].into());
        assert_eq!(held("submissions_running 4\n"), BTreeSet::new());
    }

    #[test]
    fn partitions_are_shared_once_each_is_held_and_each_worker_holds_one() {
        for (shares, partitions, expected) in [
            (&[[0, 1].into(), [2, 3].into()][..], 4, true),
            (&[[0, 1, 2, 3].into(), [].into()], 4, false),
            (&[[0, 1].into(), [3].into()], 4, false),
            (&[[].into()], 0, true),
        ] {
            assert_eq!(is_shared(shares, partitions), expected, "{shares:?} of {partitions}");
        }
    }
}
