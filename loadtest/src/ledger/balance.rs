//! Compares the records that the group has finished with the documents and the dead letters. Pure.

use std::collections::HashSet;

use contract::PostId;

/// A record that the group has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) id: PostId,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The ids of all documents.
    pub(crate) documents: HashSet<PostId>,
    /// The partition and the offset of each record that became a dead letter in the topic.
    pub(crate) dead_letters: HashSet<(i32, i64)>,
}

/// What became of the records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Records that the group has finished.
    pub(crate) records: u64,
    /// Those with the id of an earlier record: a request or a batch that was sent again.
    pub(crate) repeated: u64,
    /// Those whose document is stored.
    pub(crate) stored: u64,
    /// Those that are dead letters.
    pub(crate) dead_lettered: u64,
    /// Stored and dead-lettered: usually sent again after the cause was fixed.
    pub(crate) both: u64,
    /// Neither stored nor dead-lettered.
    pub(crate) missing: Vec<Finished>,
}

/// Compares all records with what was found.
pub(crate) fn balance(records: impl IntoIterator<Item = Finished>, found: &Found) -> Balance {
    let (mut balance, mut seen) = (Balance::default(), HashSet::new());
    for record in records {
        balance.records += 1;
        balance.repeated += u64::from(!seen.insert(record.id));
        let is_stored = found.documents.contains(&record.id);
        let is_dead_lettered = found.dead_letters.contains(&(record.partition, record.offset));
        balance.stored += u64::from(is_stored);
        balance.dead_lettered += u64::from(is_dead_lettered);
        balance.both += u64::from(is_stored && is_dead_lettered);
        if !is_stored && !is_dead_lettered {
            balance.missing.push(record);
        }
    }
    balance
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_found_or_missing() {
        let ids: Vec<PostId> = (0..4).map(|_| PostId::fresh()).collect();
        let record = |offset: i64, id: usize| Finished { partition: 1, offset, id: ids[id] };
        // Stored, stored by a retry, dead-lettered, dead-lettered and stored later, nowhere.
        let records = [record(0, 0), record(1, 0), record(2, 1), record(3, 2), record(9, 3)];
        let found = Found {
            documents: [ids[0], ids[2], PostId::fresh()].into(),
            // The offset of the last dead letter, in another partition.
            dead_letters: [(1, 2), (1, 3), (0, 9)].into(),
        };
        let expected =
            Balance { records: 5, repeated: 1, stored: 3, dead_lettered: 2, both: 1, missing: vec![record(9, 3)] };
        assert_eq!(balance(records, &found), expected);
    }
}
