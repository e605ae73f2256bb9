//! Records that were not acknowledged, gathered so that an outage fills a few lines of the log and not thousands.

use std::collections::BTreeMap;

use rdkafka::error::KafkaError;

/// The failures of each partition since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<i32, Failed>);

/// What failed in a partition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// How many records.
    pub(super) records: u64,
    /// Why the last one of them did.
    pub(super) error: KafkaError,
}

impl Failures {
    /// Notes one more record.
    pub(super) fn note(&mut self, partition: i32, error: KafkaError) {
        let records = self.0.get(&partition).map_or(0, |failed| failed.records);
        self.0.insert(partition, Failed { records: records + 1, error });
    }

    /// Takes what was noted, by partition.
    pub(super) fn take(&mut self) -> BTreeMap<i32, Failed> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode::{MessageTimedOut, PurgeQueue};

    use super::*;

    #[test]
    fn each_partition_has_its_count_and_its_last_error() {
        let mut failures = Failures::default();
        for (partition, code) in [(1, MessageTimedOut), (0, PurgeQueue), (1, PurgeQueue)] {
            failures.note(partition, KafkaError::MessageProduction(code));
        }
        let failed = |records| Failed { records, error: KafkaError::MessageProduction(PurgeQueue) };
        assert_eq!(failures.take(), BTreeMap::from([(0, failed(1)), (1, failed(2))]));
        assert_eq!(failures.take(), BTreeMap::new());
    }
}
