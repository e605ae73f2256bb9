//! Documents of records that were appended after a topic was read for a run. Only a record whose client was given no
//! answer can be: its producer, which the lab has not started, still had it. Pure.

use std::collections::HashSet;
use std::ops::Range;

use bson::{RawDocument, RawDocumentBuf};

use crate::ledger::states::TopicRecord;
use crate::ledger::states::stored::place_in;

/// The documents that are judged once their records were read, too.
#[derive(Debug, Default)]
pub(super) struct LateStates {
    documents: Vec<RawDocumentBuf>,
    places: HashSet<(i32, i64)>,
}

impl LateStates {
    /// Keeps a document aside whose record was not among these offsets because it came later. Returns whether it did.
    pub(super) fn keeps(&mut self, document: &RawDocument, read: &[(i32, Range<i64>)]) -> bool {
        let Some(place) = place_in(document) else { return false };
        let of_partition = read.iter().find(|(partition, _)| *partition == place.partition);
        let is_late = of_partition.is_none_or(|(_, offsets)| offsets.end <= place.offset);
        if is_late {
            self.places.insert((place.partition, place.offset));
            self.documents.push(document.to_owned());
        }
        is_late
    }

    /// Whether a document names the place of this record.
    pub(super) fn is_of(&self, record: &TopicRecord<'_>) -> bool {
        let place = record.origin.unwrap_or(record.place);
        self.places.contains(&(place.partition, place.offset))
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Takes the documents.
    pub(super) fn take(&mut self) -> Vec<RawDocumentBuf> {
        std::mem::take(&mut self.documents)
    }
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};
    use contract::Place;

    use super::*;

    #[test]
    fn a_document_waits_for_a_record_that_came_after_the_others() {
        let document = |partition: i32, offset: i64| {
            let place = doc! { "partition": partition, "offset": offset, "timestamp": DateTime::from_millis(5) };
            RawDocumentBuf::try_from(&doc! { "_id": "a", "kafka": place }).unwrap()
        };
        let (read, mut late) = ([(0, 3..9), (1, 0..4)], LateStates::default());
        let is_kept =
            [(0, 2), (0, 8), (0, 9), (1, 3), (2, 0)].map(|(at, offset)| late.keeps(&document(at, offset), &read));
        assert_eq!(is_kept, [false, false, true, false, true], "a partition may be new");
        assert!(!late.keeps(&RawDocumentBuf::try_from(&doc! { "_id": "a" }).unwrap(), &read));

        let record = |partition, offset, origin| {
            let place = Place { partition, offset, timestamp_ms: 5 };
            TopicRecord { place, origin, key: None, value: None }
        };
        let first = Some(Place { partition: 2, offset: 0, timestamp_ms: 5 });
        let is_of = [record(0, 9, None), record(0, 8, None), record(0, 10, first), record(1, 9, None)];
        assert_eq!(is_of.map(|record| late.is_of(&record)), [true, false, true, false]);
        assert_eq!(late.take(), [document(0, 9), document(2, 0)]);
        assert!(late.is_empty());
        assert!(late.is_of(&record(0, 9, None)), "every pass reads the same records");
    }
}
