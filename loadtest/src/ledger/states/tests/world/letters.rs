//! Dead letters, honest ones and others.

use contract::Place;

use super::{Orders, Record, World};

impl World {
    pub(in super::super) fn dead_letter(&mut self, index: usize) {
        self.letters.push(self.records[index].clone());
        let (key, records) = (self.key(index), self.records.clone());
        self.records.remove(index);
        self.settle();
        if !records
            .iter()
            .enumerate()
            .any(|(other, _)| other != index && self_key(&self.orders, &records[other]) == key)
        {
            self.documents.remove(&key);
        }
        self.records = records;
    }

    pub(in super::super) fn alter_letter(&mut self, with: &str) {
        self.dead_letter(super::super::superseded(self));
        self.letters[0].value.push_str(with);
    }

    pub(in super::super) fn replay(&mut self, index: usize) {
        let record = self.records[index].clone();
        let offset = self.end(record.place.partition);
        self.records.push(Record { place: Place { offset, ..record.place }, origin: Some(record.place), ..record });
    }
}

fn self_key(orders: &Orders, record: &Record) -> String {
    orders.id(orders.key(record.n, record.vu))
}
